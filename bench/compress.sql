-- Contexts as spark_jobs/histories/assembly.py makes them, in DuckDB's own words.

CREATE TEMP TABLE rollups AS
SELECT day, user_id, action, entity_id, count(*)::INTEGER AS count
FROM read_parquet(getvariable('files'), hive_partitioning = true, hive_types = {'day': VARCHAR})
WHERE list_contains(getvariable('reliable'), action)
GROUP BY ALL;

CREATE TEMP TABLE history AS
FROM rollups WHERE day BETWEEN getvariable('first') AND getvariable('day');

CREATE TEMP TABLE entries AS
SELECT
    user_id,
    CASE WHEN day >= getvariable('daily_from') THEN day ELSE substr(day, 1, 7) END AS period,
    action,
    entity_id,
    sum(count)::INTEGER AS count
FROM history
GROUP BY ALL;

CREATE TEMP TABLE kept AS
SELECT * FROM entries
QUALIFY row_number() OVER (
    PARTITION BY user_id ORDER BY period DESC, count DESC, action, entity_id
) <= getvariable('maximum_entities');

CREATE TEMP VIEW contexts AS
WITH action_groups AS (
    SELECT
        user_id, period, action,
        list({'entity_id': entity_id, 'count': count} ORDER BY count DESC, entity_id) AS entities
    FROM kept GROUP BY ALL
),
period_groups AS (
    SELECT user_id, period, list({'action': action, 'entities': entities} ORDER BY action) AS actions
    FROM action_groups GROUP BY ALL
),
period_lists AS (
    SELECT user_id, list({'period': period, 'actions': actions} ORDER BY period DESC) AS periods
    FROM period_groups GROUP BY ALL
),
figures AS (
    SELECT
        user_id,
        sum(count)::INTEGER AS events,
        count(DISTINCT day)::INTEGER AS active_days,
        min(day) AS first_day,
        max(day) AS last_day
    FROM history GROUP BY ALL
),
sizes AS (
    SELECT user_id, count(*) - least(count(*), getvariable('maximum_entities')) AS dropped_entries
    FROM entries GROUP BY ALL
),
category_counts AS (
    SELECT user_id, category, sum(count)::INTEGER AS count
    FROM rollups JOIN entities USING (entity_id)
    WHERE day <= getvariable('day') AND category IS NOT NULL
    GROUP BY ALL
),
interest_lists AS (
    SELECT
        user_id,
        list({'category': category, 'count': count} ORDER BY count DESC, category)[:getvariable('interests')] AS interests
    FROM category_counts GROUP BY ALL
)
SELECT
    user_id,
    periods,
    coalesce(attributes, []) AS attributes,
    coalesce(interests, []) AS interests,
    events,
    active_days,
    first_day,
    last_day,
    dropped_entries::INTEGER AS dropped_entries
FROM period_lists
JOIN figures USING (user_id)
JOIN sizes USING (user_id)
LEFT JOIN interest_lists USING (user_id)
LEFT JOIN profiles USING (user_id);
