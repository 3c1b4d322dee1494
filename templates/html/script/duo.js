// The sections of the dashboard on GitLab Duo, in their order.

import {
  activePeopleChart,
  firstUseTable,
  idleSeatTable,
  movementTable,
  retentionTable,
  seatFunnel,
  SEGMENTS,
  segmentTable,
  stickinessChart,
  teamTable,
} from "./adoption.js";
import { agentFigures } from "./agents.js";
import { chatBandTable } from "./chat.js";
import { featureFigures } from "./features.js";
import { impactTable } from "./impact.js";
import { startDashboard } from "./main.js";
import {
  groupTable,
  monthTable,
  emptyNote,
  monthlyMetrics,
  sideBySide,
  timeSeriesFigure,
} from "./sections.js";
import { FILTER_KEYS } from "./state.js";
import { suggestionFigures } from "./suggestions.js";
import { featureComparison, flowComparison, languageComparison } from "./workflow.js";

/** @import {MetricColumn, Section} from "./sections.js" */

/** @type {Section[]} */
const SECTIONS = [
  {
    id: "overview",
    *build(page) {
      yield groupTable(page, "By group (people in several groups count in each)", DUO_COLUMNS);
      yield monthTable(page, DUO_COLUMNS);
    },
  },
  {
    id: "adoption",
    *build(page) {
      yield seatFunnel(page);
      yield activePeopleChart(page);
      yield sideBySide(
        timeSeriesFigure(
          page,
          {
            id: "segments-by-week",
            grain: "week",
            form: "stacked",
            title: "People by how often they use Duo, by week",
            note: "All known people, with or without a seat, by active days in the 28 days to the end of the week. Defaults: heavy from 12 days, regular from 4, experimenting from 1.",
          },
          SEGMENTS.map(([segment, tone]) => [
            segment,
            tone,
            "engagement.users",
            { segment, population: "people" },
          ]),
        ),
        segmentTable(page),
      );
      yield teamTable(page);
      yield sideBySide(movementTable(page), stickinessChart(page));
      yield retentionTable(page);
      yield sideBySide(idleSeatTable(page), firstUseTable(page));
    },
  },
  {
    id: "suggestions",
    build: (page) => suggestionFigures(page),
  },
  {
    id: "chat",
    *build(page) {
      yield sideBySide(
        timeSeriesFigure(
          page,
          {
            id: "messages-by-day",
            title: "Chat messages by day",
            note: "Questions asked in Duo Chat.",
          },
          [["messages", "main", "chat.messages"]],
        ),
        timeSeriesFigure(
          page,
          {
            id: "chat-people-by-day",
            title: "People in Chat by day",
            note: "People who sent at least one message that day.",
          },
          [["people", "main", "chat.users"]],
        ),
      );
      yield sideBySide(
        chatBandTable(page),
        monthlyMetrics(page, "chat-by-month", "Chat by month", [
          ["People", "chat.users", "plain"],
          ["Messages", "chat.messages", "plain"],
          ["Messages per person", "chat.messages_per_user", "plain"],
        ]),
      );
    },
  },
  {
    id: "features",
    build: (page) => featureFigures(page),
  },
  {
    id: "agents",
    build: (page) => agentFigures(page),
  },
  {
    id: "workflow",
    *build(page) {
      yield languageComparison(page);
      yield featureComparison(page);
      yield flowComparison(page);
    },
  },
  {
    id: "impact",
    build: (page) => {
      const tables = [
        impactTable(page, "impact.time_to_merge_seconds", "Time to merge, median", "duration"),
        impactTable(page, "impact.size_lines", "Size in lines added and deleted, median", "plain"),
      ];
      if (tables.some(Boolean)) return tables;
      return [
        emptyNote(
          page.period.grain === "week"
            ? "Not available by week. Select a month or the last 28 days."
            : "Not available: merge requests were not collected. The collectors of the project dashboard provide them.",
        ),
      ];
    },
  },
];

/** @type {MetricColumn[]} */
const DUO_COLUMNS = [
  { label: "Active people", metric: "users.active", style: "plain" },
  { label: "Seats in use", metric: "seats.active", style: "percent" },
  { label: "Accepted", metric: "code_suggestions.accepted", style: "plain" },
  {
    label: "Acceptance rate",
    metric: "code_suggestions.acceptance_rate",
    style: "percent",
  },
  { label: "People in Chat", metric: "chat.users", style: "plain" },
  { label: "Chat messages", metric: "chat.messages", style: "plain" },
];

startDashboard(SECTIONS, FILTER_KEYS);
