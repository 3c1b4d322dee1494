// The sections of the dashboard on GitLab Duo, in their order.

import {
  activePeople,
  firstUse,
  idleSeats,
  movement,
  retention,
  seatFunnel,
  SEGMENTS,
  segmentsNow,
  stickiness,
} from "./adoption.js";
import { agents } from "./agents.js";
import { chatBands } from "./chat.js";
import { element } from "./elements.js";
import { features } from "./features.js";
import { impact } from "./impact.js";
import { startDashboard } from "./main.js";
import { byGroup, byMonth, nothing, overMonths, pair, tilesOf, timed } from "./sections.js";
import { PARTS } from "./state.js";
import { suggestions } from "./suggestions.js";
import { featuresCompared, flowsCompared, languagesCompared } from "./workflow.js";

/** The filters that say something here. */
const FILTERS = PARTS;

const SECTIONS = [
  {
    id: "overview",
    *build(page) {
      yield element("ul", { class: "tiles" }, tilesOf(page, page.data.headline));
      yield byGroup(page, "By group; a person who is in several groups counts in each", DUO_COLUMNS);
      yield byMonth(page, DUO_COLUMNS);
    },
  },
  {
    id: "adoption",
    *build(page) {
      yield seatFunnel(page);
      yield activePeople(page);
      yield pair(
        timed(
          page,
          {
            id: "segments-by-week",
            grain: "week",
            form: "stacked",
            title: "People by how often they use Duo, week by week",
            note: "Everyone ever seen, with or without a seat, by their active days in the 28 days that end with the week. Heavy, regular and experimenting are set when the figures are made: 12, 4 and 1 days unless said otherwise.",
          },
          SEGMENTS.map(([segment, tone]) => [
            segment,
            tone,
            "engagement.users",
            { segment, population: "people" },
          ]),
        ),
        segmentsNow(page),
      );
      yield pair(movement(page), stickiness(page));
      yield retention(page);
      yield pair(idleSeats(page), firstUse(page));
    },
  },
  {
    id: "suggestions",
    build: (page) => suggestions(page),
  },
  {
    id: "chat",
    *build(page) {
      yield pair(
        timed(
          page,
          {
            id: "messages-by-day",
            title: "Chat messages by day",
            note: "Questions people asked Duo Chat.",
          },
          [["messages", "main", "chat.messages"]],
        ),
        timed(
          page,
          {
            id: "chat-people-by-day",
            title: "People in Chat by day",
            note: "People who asked at least once that day.",
          },
          [["people", "main", "chat.users"]],
        ),
      );
      yield pair(
        chatBands(page),
        overMonths(page, "chat-by-month", "Chat by month", [
          ["People", "chat.users", "plain"],
          ["Messages", "chat.messages", "plain"],
          ["Messages per person", "chat.messages_per_user", "plain"],
        ]),
      );
    },
  },
  {
    id: "features",
    build: (page) => features(page),
  },
  {
    id: "agents",
    build: (page) => agents(page),
  },
  {
    id: "workflow",
    *build(page) {
      yield languagesCompared(page);
      yield featuresCompared(page);
      yield flowsCompared(page);
    },
  },
  {
    id: "impact",
    build: (page) => {
      const tables = [
        impact(page, "impact.time_to_merge_seconds", "Time to merge, median", "duration"),
        impact(page, "impact.size_lines", "Size in lines added and deleted, median", "plain"),
      ];
      if (tables.some(Boolean)) return tables;
      return [
        nothing(
          page.period.grain === "week"
            ? "Not told by the week: choose a month or the 28 days."
            : "Not known: the merge requests were not collected. The collectors of the project dashboard bring them.",
        ),
      ];
    },
  },
];

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

startDashboard(SECTIONS, FILTERS);
