-- Version 4: the shifts of this terminal's operators.

CREATE TABLE shifts (
    number   TEXT    NOT NULL PRIMARY KEY,
    operator TEXT    NOT NULL,
    open     INTEGER NOT NULL CHECK (open IN (0, 1)),
    owing    INTEGER NOT NULL CHECK (owing IN (0, 1)),  -- the centre is to be told of it yet
    shift    TEXT    NOT NULL                           -- JSON
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX shifts_open ON shifts (operator) WHERE open = 1;
CREATE INDEX shifts_owing ON shifts (number) WHERE owing = 1;
