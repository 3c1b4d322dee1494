// The sections of the dashboard on GitLab Duo, in their order.

import {
  activePeopleChart,
  firstUseTable,
  idleSeatTable,
  movementTable,
  retentionTable,
  seatFunnel,
  segmentChart,
  segmentTable,
  stickinessChart,
} from "./adoption.js";
import { agentFigures } from "./agents.js";
import { outcomeFigures } from "./agent-outcomes.js";
import { chatBandTable } from "./chat.js";
import { creditFigures, tokenFigures } from "./cost.js";
import { eventTable, featureFigures } from "./features.js";
import { impactFigure } from "./impact.js";
import { startDashboard } from "./main.js";
import {
  emptyNote,
  groupTable,
  monthlyMetrics,
  monthTable,
  sideBySide,
  timeSeriesFigure,
} from "./sections.js";
import { languageFigures, suggestionFigures } from "./suggestions.js";
import { teamProfile, teamShares, teamTable } from "./teams.js";

/** @import {MetricColumn, Section} from "./sections.js" */

/** @type {Section[]} */
const SECTIONS = [
  {
    id: "adoption",
    *build(page) {
      yield activePeopleChart(page);
      yield sideBySide(segmentChart(page), segmentTable(page));
    },
  },
  {
    id: "habits",
    *build(page) {
      yield sideBySide(stickinessChart(page), movementTable(page));
      yield retentionTable(page);
    },
  },
  {
    id: "teams-view",
    *build(page) {
      yield groupTable(page, "By group (people in several groups count in each)", DUO_COLUMNS);
      yield sideBySide(...teamProfile(page));
      yield sideBySide(teamShares(page), teamTable(page));
      yield monthTable(page, DUO_COLUMNS);
    },
  },
  { id: "suggestions", filters: ["language"], build: (page) => suggestionFigures(page) },
  { id: "workflow", filters: ["language"], build: (page) => languageFigures(page) },
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
  { id: "features", filters: ["feature"], build: (page) => featureFigures(page) },
  { id: "agents", filters: ["flow"], build: (page) => agentFigures(page) },
  { id: "agent-outcomes", filters: ["flow"], build: (page) => outcomeFigures(page) },
  {
    id: "impact",
    *build(page) {
      yield impactFigure(page) ??
        emptyNote(
          page.period.grain === "week"
            ? "Not available by week. Select a month or the last 28 days."
            : "Not available: merge requests were not collected. The collectors of the project dashboard provide them.",
        );
    },
  },
  {
    id: "seats-view",
    *build(page) {
      yield seatFunnel(page);
      yield sideBySide(idleSeatTable(page), firstUseTable(page));
    },
  },
  { id: "credits-view", build: (page) => creditFigures(page) },
  { id: "tokens-view", filters: ["flow"], build: (page) => tokenFigures(page) },
  {
    id: "raw-events",
    filters: ["feature"],
    *build(page) {
      yield eventTable(page, page.selected.feature);
    },
  },
];

/** @type {MetricColumn[]} */
const DUO_COLUMNS = [
  { label: "Active people", metric: "users.active", style: "plain" },
  { label: "Seats in use", metric: "seats.active", style: "percent" },
  { label: "Accepted", metric: "code_suggestions.accepted", style: "plain" },
  { label: "Acceptance rate", metric: "code_suggestions.acceptance_rate", style: "percent" },
  { label: "People in Chat", metric: "chat.users", style: "plain" },
  { label: "Chat messages", metric: "chat.messages", style: "plain" },
];

startDashboard(SECTIONS);
