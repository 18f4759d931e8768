-- Result lists say more of each result now, and are offered again to who asked. Those of before are
-- forgotten: their buttons say that they are too old.

DELETE FROM search_results;
CREATE INDEX search_results_person ON search_results (scope, person_id, id);
