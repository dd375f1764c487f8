-- Why an open transaction did not get on: a code and words, without personal data; NULL when nothing is known to hold
-- it up. Authenticated by state_mac.
ALTER TABLE entries ADD COLUMN reason TEXT;

-- What a holder has open, in its order: the delivery takes one after the other.
CREATE INDEX entries_holder_open ON entries (holder, sequence) WHERE open = 1;
