-- A settlement that was computed on accumulators, or on an account, that a reversal has changed since: for a person to look at.
ALTER TABLE settlements ADD COLUMN review INTEGER NOT NULL DEFAULT 0 CHECK (review IN (0, 1));
