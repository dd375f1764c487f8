-- The entries of one list. The file is written once, whole, and never changed.

CREATE TABLE label (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);

-- A card is under the keyed hash of its 卡识别码; the key is not in this file.
CREATE TABLE card (
    tag BLOB PRIMARY KEY,
    label INTEGER
) WITHOUT ROWID;

-- By position (CardNumber::position); none overlaps another.
CREATE TABLE span (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    label INTEGER
);
