/**
 * Full text of the catalogue. One document a model in a contentless FTS5 table under the model's rowid: what people
 * search for, and every tag as one token of a private-use character and its bytes in hex, so that a tag is found
 * exactly and never by somebody's words.
 *
 * The document is written again when `text_rev` is raised; what else changes a model does not touch it.
 */
const document = (model: string): string => /* sql */ `
  SELECT ${model}.rowid_, concat_ws(' ', ${model}.id, ${model}.name, ${model}.description, ${model}.provider,
    ${model}.provider_model_id, ${model}.task_key, versions.label, versions.source_id, versions.format,
    json_extract(versions.inferred, '$.architecture'), json_extract(versions.inferred, '$.quantization'),
    (SELECT group_concat(key || ' ' || value, ' ') FROM json_each(${model}.annotations)),
    (SELECT group_concat(tag || ' ' || char(57344) || hex(tag), ' ') FROM model_tags WHERE model_id = ${model}.id),
    families.description, substr(families.card, 1, 4000),
    (SELECT group_concat(value, ' ') FROM json_each(families.tags)))
  FROM versions JOIN families ON families.id = versions.family_id WHERE versions.id = ${model}.version_id`;

export const sql = /* sql */ `
ALTER TABLE models ADD COLUMN text_rev INTEGER NOT NULL DEFAULT 0;

CREATE VIRTUAL TABLE model_text USING fts5 (
  body, content = '', contentless_delete = 1, prefix = '1 2 3 4', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TRIGGER models_text_insert AFTER INSERT ON models WHEN NEW.lifecycle_state <> 'deleted' BEGIN
  INSERT INTO model_text (rowid, body) ${document('NEW')};
END;
CREATE TRIGGER models_text_update AFTER UPDATE OF text_rev ON models WHEN NEW.lifecycle_state <> 'deleted' BEGIN
  DELETE FROM model_text WHERE rowid = NEW.rowid_;
  INSERT INTO model_text (rowid, body) ${document('NEW')};
END;
CREATE TRIGGER models_text_delete AFTER UPDATE OF lifecycle_state ON models
WHEN NEW.lifecycle_state = 'deleted' AND OLD.lifecycle_state <> 'deleted' BEGIN
  DELETE FROM model_text WHERE rowid = NEW.rowid_;
END;

UPDATE models SET text_rev = 1 WHERE lifecycle_state <> 'deleted';

CREATE INDEX models_by_updated ON models (updated_at, rowid_) WHERE lifecycle_state <> 'deleted';
`;
