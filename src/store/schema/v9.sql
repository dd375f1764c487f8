-- Version 9: which list of cards that are refused is in force. Its entries are in a file of their own (store::blacklist).

CREATE TABLE blacklist (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    serial INTEGER NOT NULL,  -- no list with a smaller one takes its place
    file TEXT NOT NULL,       -- the name of the entries' file, beside this one
    digest BLOB NOT NULL,     -- its SHA-256
    key BLOB NOT NULL,        -- of the keyed hashes that stand for single cards in it
    told TEXT NOT NULL        -- what is told of the list, as JSON
);
