-- Several sinks of a namespace may write to one database, each from subjects of its own: so each has its own position, and
-- begins once more at the beginning of the streams. A row that is there already stays as it is.
DELETE FROM sink_position;
ALTER TABLE sink_position
    ADD COLUMN sink text NOT NULL, DROP CONSTRAINT sink_position_pkey, ADD PRIMARY KEY (sink, stream);
