-- A stream that was made anew counts from one again: its rows are new ones, and the position of the old one says nothing.
ALTER TABLE sink_position ADD COLUMN life text NOT NULL DEFAULT '';
ALTER TABLE regimes DROP CONSTRAINT regimes_pkey, ADD PRIMARY KEY (pipeline, symbol, source, row_number, n, time_ns);
ALTER TABLE signals DROP CONSTRAINT signals_pkey, ADD PRIMARY KEY (pipeline, symbol, source, row_number, n, time_ns);
ALTER TABLE allocations DROP CONSTRAINT allocations_pkey, ADD PRIMARY KEY (pipeline, symbol, source, row_number, n, time_ns);
ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (account, journal_row, time_ns);
ALTER TABLE fills DROP CONSTRAINT fills_pkey, ADD PRIMARY KEY (account, journal_row, time_ns);
