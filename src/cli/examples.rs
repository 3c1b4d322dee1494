//! The examples at the end of each command's help.

pub(super) const FETCH: &str = "\
Examples:
  duo-metrics fetch --group acme > raw.jsonl
  duo-metrics fetch --group acme --project --since 2026-10-01 --until 2026-10-31 --jobs 8 > raw.jsonl
  duo-metrics fetch --collector seats --collector usage_events | duo-metrics normalize > records.jsonl
  duo-metrics fetch --state .duo-metrics/state > raw.jsonl   # continues after an interruption
  duo-metrics fetch -v -g acme -c usage_events -j 8 > raw.jsonl   # with each request";

pub(super) const NORMALIZE: &str = "\
Examples:
  duo-metrics normalize raw.jsonl > records.jsonl
  duo-metrics fetch | duo-metrics normalize --dead-letter rejected.jsonl > records.jsonl
  duo-metrics normalize --url https://gitlab.example.com snowplow.tsv product_usage_data.log > records.jsonl
  duo-metrics normalize --format csv raw.jsonl > records.csv";

pub(super) const AGGREGATE: &str = "\
Examples:
  duo-metrics aggregate records.jsonl > metrics.jsonl
  duo-metrics aggregate --since 2026-10-01 --until 2026-10-31 monday.jsonl tuesday.jsonl > metrics.jsonl
  duo-metrics aggregate --history .duo-metrics/history records.jsonl > metrics.jsonl
  duo-metrics aggregate --emit rollups records.jsonl > rollups.jsonl";

pub(super) const DASHBOARD: &str = "\
Examples:
  duo-metrics dashboard metrics.jsonl
  duo-metrics dashboard --site public --duo --project < metrics.jsonl
  duo-metrics dashboard --theme examples/theme metrics.jsonl";

pub(super) const LANDING: &str = "\
Examples:
  duo-metrics landing metrics.jsonl
  duo-metrics landing --site public < metrics.jsonl";

pub(super) const RUN: &str = "\
Examples:
  duo-metrics run --group acme
  duo-metrics run --group acme --project --site public --open
  duo-metrics run --url https://gitlab.example.com --group acme --history .duo-metrics/history";

pub(super) const EXPORT: &str = "\
Examples:
  duo-metrics export --format csv metrics.jsonl > metrics.csv
  duo-metrics export --format openmetrics < metrics.jsonl > metrics.txt
  duo-metrics export --format markdown metrics.jsonl
  duo-metrics export --people seats.csv --grace-days 30 records.jsonl";

pub(super) const CHECK: &str = "\
Examples:
  duo-metrics check metrics.jsonl
  duo-metrics check --rules alerts.yml --fail-on warning < metrics.jsonl
  duo-metrics check --format junit metrics.jsonl > junit.xml
  duo-metrics check --format slack --today 2026-11-02 metrics.jsonl";

pub(super) const DOCTOR: &str = "\
Examples:
  duo-metrics doctor --group acme
  duo-metrics doctor --url https://gitlab.example.com --format json";

pub(super) const HISTORY: &str = "\
Examples:
  duo-metrics history list --history .duo-metrics/history
  duo-metrics history --history .duo-metrics/history verify
  duo-metrics history prune --keep-days 400
  duo-metrics history rename --group acme acme-corp
  duo-metrics history pull --history .duo-metrics/history
  duo-metrics history push --history .duo-metrics/history";

pub(super) const PRIVACY: &str = "\
Examples:
  duo-metrics privacy audit public
  duo-metrics privacy audit monday/public tuesday/public";

pub(super) const ARTIFACT: &str = "\
Examples:
  duo-metrics artifact --job duo-metrics:process --path .duo-metrics/history.jsonl.gz --output history.jsonl.gz";

pub(super) const PACKAGE: &str = "\
Examples:
  duo-metrics package --name index.html --input public/duo-metrics/index.html";

pub(super) const SQL: &str = "\
Examples:
  duo-metrics sql --schema | clickhouse-client --multiquery
  duo-metrics sql --rollups";

pub(super) const METRICS: &str = "\
Examples:
  duo-metrics metrics
  duo-metrics metrics code_suggestions.acceptance_rate
  duo-metrics metrics agents --format json";

pub(super) const LINT: &str = "\
Examples:
  duo-metrics lint config/events
  duo-metrics lint --format codequality events.jsonl > gl-code-quality-report.json
  duo-metrics lint --explain tokens-cache
  duo-metrics lint --example
  duo-metrics lint --example token_usage_duo_agent_platform";

pub(super) const SCHEMA: &str = "\
Examples:
  duo-metrics schema > schema.json
  duo-metrics schema metric";

pub(super) const COMPLETIONS: &str = "\
Examples:
  duo-metrics completions bash > ~/.local/share/bash-completion/completions/duo-metrics
  duo-metrics completions zsh > ~/.zfunc/_duo-metrics
  duo-metrics completions fish > ~/.config/fish/completions/duo-metrics.fish";

pub(super) const MAN: &str = "\
Examples:
  duo-metrics man | man -l -
  duo-metrics man fetch | man -l -
  duo-metrics man --dir /usr/local/share/man/man1";
