-- What a settlement takes back: another one, by its number. It stands beside that in the accounts, and one does.
ALTER TABLE settlements ADD COLUMN cancels INTEGER REFERENCES settlements (number);
CREATE UNIQUE INDEX settlements_cancelled ON settlements (cancels) WHERE cancels IS NOT NULL AND state = 'settled';

-- The centre's decision without its trace, by which a settlement is taken back; JSON. Those from before have none.
ALTER TABLE settlements ADD COLUMN decision TEXT;

-- A person's, which are asked for when one is taken back.
CREATE INDEX settlements_person ON settlements (psn_no, number) WHERE state = 'settled';

-- What a filing did to accumulators, kept to be taken back; JSON. Those from before have none.
ALTER TABLE filings ADD COLUMN posted TEXT;
