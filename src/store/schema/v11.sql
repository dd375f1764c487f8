-- Version 11: which catalogue of drugs and services is in force. Its rows are in a file of their own (store::catalogue).

CREATE TABLE catalogue (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    serial INTEGER NOT NULL,  -- none with a smaller one takes its place
    file TEXT NOT NULL,       -- the name of the rows' file, beside this one
    digest BLOB NOT NULL,     -- its SHA-256
    key BLOB NOT NULL,        -- empty: nothing in it is hashed
    told TEXT NOT NULL        -- what is told of it, as JSON
);
