-- What came out otherwise than it was committed: refused later, or settled with other figures, or with nobody there to
-- be shown it. Of a million they are few; which of them nobody was told of yet is asked all the time, and read from this
-- alone: what its condition is about is in it.
CREATE INDEX entries_otherwise ON entries (sequence, id, online, state, differs)
WHERE differs IS NOT NULL OR state = 'refused' AND online = 0;
