-- The shifts of the terminals' operators, one row a shift for ever.
CREATE TABLE shifts (
    number    INTEGER NOT NULL PRIMARY KEY,
    terminal  TEXT    NOT NULL,
    shift     TEXT    NOT NULL,            -- the terminal's own number
    operator  TEXT    NOT NULL,
    opened_at TEXT    NOT NULL,
    closed_at TEXT,
    UNIQUE (terminal, shift)
) STRICT;
