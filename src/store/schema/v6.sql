-- Version 6: what a holder was told of: how a transaction came out otherwise than they were told at first.

CREATE TABLE acknowledged (
    id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),  -- the transaction's
    holder   BLOB    NOT NULL CHECK (length(holder) = 32),          -- keyed hash, the journal's
    operator TEXT    NOT NULL,
    at       INTEGER NOT NULL                                       -- milliseconds
) STRICT, WITHOUT ROWID;

CREATE INDEX acknowledged_holder ON acknowledged (holder);
CREATE INDEX accumulators_age ON accumulators (as_of);
