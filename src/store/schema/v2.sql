-- Version 2: keys and cards that were held apart after the card refused the keys once.

CREATE TABLE salt (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    salt BLOB NOT NULL CHECK (length(salt) = 32)
) STRICT;

CREATE TABLE held_pairs (
    pair BLOB PRIMARY KEY CHECK (length(pair) = 32)  -- keyed hash: a plain one of a card's identifier could be searched
) STRICT, WITHOUT ROWID;
