-- The rows of one catalogue. The file is written once, whole, and never changed.
-- Days are numbers as they are written, 20150803; a row without an end ends with 99991231.

CREATE TABLE item (
    code TEXT NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    name TEXT NOT NULL,
    list_type TEXT NOT NULL,
    class TEXT NOT NULL,
    limited INTEGER NOT NULL,
    PRIMARY KEY (code, begins)
) WITHOUT ROWID;

-- In both: a code has rows for all kinds of insurance ('') or rows for single ones, never both.
CREATE TABLE price (
    code TEXT NOT NULL,
    insutype TEXT NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    most INTEGER,           -- ten-thousandths of a yuan; NULL: no limit
    PRIMARY KEY (code, insutype, begins)
) WITHOUT ROWID;

CREATE TABLE rate (
    code TEXT NOT NULL,
    insutype TEXT NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    share INTEGER NOT NULL, -- parts per million
    PRIMARY KEY (code, insutype, begins)
) WITHOUT ROWID;
