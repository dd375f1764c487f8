-- Version 8: in whose shift a holder was told, and what it came to in cash.

ALTER TABLE told ADD COLUMN shift TEXT;
ALTER TABLE told ADD COLUMN cash INTEGER;  -- fen; less than nothing is paid back; NULL where nobody knows
CREATE INDEX told_shift ON told (shift) WHERE shift IS NOT NULL;
