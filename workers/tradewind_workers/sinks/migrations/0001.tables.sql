-- What a run leaves behind. Prices and quantities in real units; times in ns since 1970 UTC beside a readable one.
CREATE TABLE sink_position (stream text PRIMARY KEY, sequence bigint NOT NULL);

CREATE TABLE candles (
    pipeline text NOT NULL, symbol text NOT NULL, open_time bigint NOT NULL, interval_ns bigint NOT NULL,
    opened timestamptz NOT NULL, open numeric NOT NULL, high numeric NOT NULL, low numeric NOT NULL, close numeric NOT NULL,
    volume numeric NOT NULL, quote_volume numeric NOT NULL, trades bigint NOT NULL,
    PRIMARY KEY (pipeline, symbol, interval_ns, open_time));

CREATE TABLE regimes (
    pipeline text NOT NULL, source smallint NOT NULL, row_number bigint NOT NULL, n integer NOT NULL, time_ns bigint NOT NULL,
    at timestamptz NOT NULL, symbol text NOT NULL, regime text NOT NULL, previous text, natr double precision NOT NULL,
    percentile double precision NOT NULL, adx double precision NOT NULL,
    PRIMARY KEY (pipeline, symbol, source, row_number, n));

CREATE TABLE signals (
    pipeline text NOT NULL, source smallint NOT NULL, row_number bigint NOT NULL, n integer NOT NULL, time_ns bigint NOT NULL,
    at timestamptz NOT NULL, symbol text NOT NULL, direction smallint NOT NULL, price numeric NOT NULL,
    reference_price numeric NOT NULL, change numeric NOT NULL, confidence numeric NOT NULL,
    PRIMARY KEY (pipeline, symbol, source, row_number, n));

CREATE TABLE allocations (
    pipeline text NOT NULL, source smallint NOT NULL, row_number bigint NOT NULL, n integer NOT NULL, time_ns bigint NOT NULL,
    at timestamptz NOT NULL, symbol text NOT NULL, direction smallint NOT NULL, regime text NOT NULL, fraction numeric NOT NULL,
    target numeric NOT NULL, position numeric NOT NULL, reason text NOT NULL,
    PRIMARY KEY (pipeline, symbol, source, row_number, n));

CREATE TABLE orders (
    account text NOT NULL, journal_row bigint NOT NULL, time_ns bigint NOT NULL, at timestamptz NOT NULL, pipeline text NOT NULL,
    symbol text NOT NULL, client_order_id text NOT NULL, venue_order_id text NOT NULL, status text NOT NULL, side smallint NOT NULL,
    quantity numeric NOT NULL, limit_price numeric NOT NULL, filled numeric NOT NULL, reasons text[] NOT NULL, detail text NOT NULL,
    PRIMARY KEY (account, journal_row));

CREATE TABLE fills (
    account text NOT NULL, journal_row bigint NOT NULL, time_ns bigint NOT NULL, at timestamptz NOT NULL, pipeline text NOT NULL,
    symbol text NOT NULL, client_order_id text NOT NULL, trade_id text NOT NULL, side smallint NOT NULL, quantity numeric NOT NULL,
    price numeric NOT NULL, fee numeric NOT NULL, fee_currency text NOT NULL, maker boolean NOT NULL,
    PRIMARY KEY (account, journal_row));

CREATE TABLE positions (
    account text NOT NULL, pipeline text NOT NULL, symbol text NOT NULL, journal_row bigint NOT NULL, at timestamptz NOT NULL,
    quantity numeric NOT NULL, average_entry numeric NOT NULL, realised numeric NOT NULL, fees numeric NOT NULL,
    PRIMARY KEY (account, pipeline, symbol));
