-- Since when a visit has to be registered (version 15): a terminal that settled alone before then took whatever number the
-- hospital had, and is not told no for that later. Whoever is known by now may have been settled for; where nobody is, nobody
-- was.
CREATE TABLE visits_since (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    at  TEXT    NOT NULL                 -- UTC
) STRICT;

INSERT INTO visits_since SELECT 1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE EXISTS (SELECT 1 FROM persons);

-- A month is signed in for in each scenario by itself: a bureau may have one of its own beside that of the unemployed.
CREATE TABLE sign_ins_of_scenarios (
    psn_no   TEXT NOT NULL REFERENCES persons,
    scenario TEXT NOT NULL,
    month    TEXT NOT NULL,
    id       BLOB NOT NULL UNIQUE,
    PRIMARY KEY (psn_no, scenario, month)
) STRICT, WITHOUT ROWID;

INSERT INTO sign_ins_of_scenarios
SELECT psn_no, coalesce((SELECT scenario FROM transactions WHERE transactions.id = sign_ins.id), 'unemployment-sign-in'),
       month, id
FROM sign_ins;

DROP TABLE sign_ins;
ALTER TABLE sign_ins_of_scenarios RENAME TO sign_ins;

-- What an accepted filing makes so of its person among the facts that are told for scenarios; data of the seed.
CREATE TABLE becomes (
    number   INTEGER NOT NULL PRIMARY KEY,
    scenario TEXT    NOT NULL,
    part     TEXT,                         -- of the scenario; NULL: whichever
    form     TEXT    NOT NULL,             -- JSON, as are the next two: what its form says
    told_for TEXT    NOT NULL,             -- for which scenarios the facts are told
    changes  TEXT    NOT NULL              -- which facts, and what they are from then on
) STRICT;

CREATE UNIQUE INDEX becomes_once ON becomes (scenario, ifnull(part, ''), form, told_for, changes);

-- What a filing made so, with what was so before, kept to be taken back; JSON. NULL where it made nothing so.
ALTER TABLE filings ADD COLUMN became TEXT;

-- Queries are told of filings as well (`own`): of one source several times, each of another scenario.
CREATE TABLE own_records_of_scenarios (
    scenario TEXT NOT NULL,
    source   TEXT NOT NULL,                -- JSON, as are the next three
    done_in  TEXT NOT NULL,                -- settlements, or filings, of which scenarios
    items    TEXT NOT NULL,                -- each item of a record, and what it is
    alike    TEXT NOT NULL,                -- the items that are the same in each
    PRIMARY KEY (scenario, source, done_in)
) STRICT, WITHOUT ROWID;

INSERT INTO own_records_of_scenarios SELECT scenario, source, done_in, items, '{}' FROM own_records;

DROP TABLE own_records;
ALTER TABLE own_records_of_scenarios RENAME TO own_records;
