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
