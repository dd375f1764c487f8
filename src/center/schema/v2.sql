-- A message id is its terminal's own: another terminal may have made the same one.
CREATE TABLE settlements_of_terminals (
    number   INTEGER NOT NULL PRIMARY KEY,
    terminal TEXT    NOT NULL,
    msgid    TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('settled', 'refused', 'reversed', 'void')),
    psn_no   TEXT,
    content  BLOB,
    reply    TEXT,
    posted   TEXT,                       -- what it did to accumulators and account
    times    INTEGER NOT NULL,
    UNIQUE (terminal, msgid)
) STRICT;

-- Up to now every message id began with its terminal's code.
INSERT INTO settlements_of_terminals
SELECT number, substr(msgid, 1, 12), msgid, state, psn_no, content, reply, posted, times FROM settlements;

DROP TABLE settlements;
ALTER TABLE settlements_of_terminals RENAME TO settlements;
