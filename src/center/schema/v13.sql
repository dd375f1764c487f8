-- Why something was taken back, where the terminal says so.
ALTER TABLE settlements ADD COLUMN reason TEXT;
ALTER TABLE filings ADD COLUMN withdrawn_for TEXT;
