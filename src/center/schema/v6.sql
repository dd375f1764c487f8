-- The terminals that are enrolled: each with its key, and with the certificate that it comes with where it comes over
-- TLS.
CREATE TABLE terminals (
    terminal    TEXT NOT NULL PRIMARY KEY,
    key         BLOB NOT NULL CHECK (length(key) = 32),
    certificate BLOB CHECK (length(certificate) = 32)       -- SHA-256 of its DER form
) STRICT, WITHOUT ROWID;

-- The signatures over the terminals' chains.
CREATE TABLE groups (
    terminal  TEXT    NOT NULL,
    sequence  INTEGER NOT NULL,
    head      BLOB    NOT NULL CHECK (length(head) = 32),
    signature BLOB    NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (terminal, sequence)
) STRICT, WITHOUT ROWID;

-- What nobody honest sends: each once, with how often it came.
CREATE TABLE alarms (
    number   INTEGER NOT NULL PRIMARY KEY,
    terminal TEXT    NOT NULL,
    code     TEXT    NOT NULL,
    text     TEXT    NOT NULL,
    first_at TEXT    NOT NULL,
    times    INTEGER NOT NULL,
    UNIQUE (terminal, code, text)
) STRICT;

-- The key that the centre signs its answers with.
CREATE TABLE own_key (
    one  INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seed BLOB    NOT NULL CHECK (length(seed) = 32)
) STRICT;
