-- Tags say whose they are, as all that belongs to somebody does.
ALTER TABLE search_tags ADD COLUMN scope TEXT NOT NULL DEFAULT '';
UPDATE search_tags SET scope = coalesce(
    (SELECT f.scope FROM search_files f WHERE f.file_id = search_tags.file_id), '');
