//! Usage events of top-level groups and of the instance.

use super::*;

impl<'q> Node<'q> {
    pub(super) fn usage_data<'a>(
        &'a self,
        source: Source,
        field: &str,
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let organization = self.context.organization;
        let (of, element, places): (_, Element, _) = match (source, field) {
            (Source::Elsewhere, _) => return Err(error(errors::NOT_AVAILABLE)),
            (Source::Instance, _) => {
                ("AiInstanceUsageEvent", Kind::InstanceUsageEvent, &organization.all_events)
            }
            (Source::TopLevelGroup(group), "all") => {
                ("AiUsageEvent", Kind::UsageEvent, &organization.events_of_group[group])
            }
            (Source::TopLevelGroup(group), _) => (
                "CodeSuggestionEvent",
                Kind::CodeSuggestionEvent,
                &organization.code_suggestions_of_group[group],
            ),
        };
        let (start, end) = self.time_range(info)?;
        if self.context.settings.forbidden_day.is_some_and(|day| {
            let midnight = start_of(day);
            start <= midnight && midnight < end
        }) {
            return Err(error(errors::NOT_PERMITTED));
        }
        let list = Events {
            organization,
            places: organization.between(places, start, end),
            events: texts(info, "events"),
            people: texts(info, "userIds").map(|ids| {
                let people = ids.iter().filter_map(|id| id.rsplit('/').next()?.parse::<u64>().ok());
                people
                    .filter_map(|id| organization.people.binary_search_by_key(&id, |person| person.id).ok())
                    .collect()
            }),
        };
        self.check_weight(&format!("{source:?}.{field} {start} {end}"), &list, info)?;
        let mut page = paging_of(info).page(&list).map_err(error)?;
        let loses_rows = self.context.settings.lost_rows_on == Some(start.date_naive());
        if loses_rows && page.has_previous && !page.positions.is_empty() {
            page.positions.remove(0);
        }
        let count = list.places.len();
        Ok(self.connect(of, element, page, count, 0.0))
    }

    /// Returns a timeout for pages that are too large, and for time ranges with too many events.
    fn check_weight(&self, range: &str, list: &Events<'_>, info: &ResolveInfo<'_>) -> Result<(), FieldError> {
        let settings = self.context.settings;
        let filters = (texts(info, "events"), texts(info, "userIds"));
        let key = format!("{range} {filters:?}");
        let number = mixed(digest(key.as_bytes()));
        let paging = paging_of(info);
        let size = paging.first.or(paging.last).unwrap_or(paging.max);
        let mut heavy = settings.largest_page.is_some_and(|largest| size > largest);
        if let Some(most) = settings.too_heavy {
            let mut known = self.context.heavy.lock().expect("no panic while held");
            heavy |= *known
                .entry(key)
                .or_insert_with(|| (0..list.len()).filter_map(|place| list.get(place)).nth(most).is_some());
        }
        if !heavy {
            return Ok(());
        }
        self.context.timed_out.set(true);
        if number.is_multiple_of(2) {
            self.context.aborted.set(true);
        }
        Err(error(errors::timeout_on(self.type_name(), info.field_name())))
    }

    /// Start and end of the requested time range, both included. An end date means its 00:00.
    fn time_range(&self, info: &ResolveInfo<'_>) -> Result<(DateTime<Utc>, DateTime<Utc>), FieldError> {
        let today = self.context.organization.now().date_naive();
        let date = |name| -> Option<NaiveDate> { text(info, name).and_then(validation::day) };
        let start = match date("startDate") {
            Some(start) => start_of(start),
            None => start_of(today) - TimeDelta::days(7),
        };
        let end = match date("endDate") {
            Some(end) => start_of(end),
            None => start_of(today) + TimeDelta::days(1) - TimeDelta::milliseconds(1),
        };
        let month_before = end.date_naive() - Months::new(1);
        let earliest = month_before.and_time(end.time()).and_utc();
        if start <= earliest {
            return Err(error(errors::RANGE_TOO_LONG));
        }
        Ok((start, end))
    }

    pub(super) fn usage_event<'a>(
        &'a self,
        position: usize,
        field: &str,
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let event = &self.context.organization.usage_events[position];
        Ok(match field {
            "event" if self.context.nameless_events && event.id.is_multiple_of(5) => {
                return Err(error(errors::null_event(self.type_name())));
            }
            "event" => ResolvedValue::leaf(event.event),
            "extras" => ResolvedValue::leaf(JsonValue::from(self.context.organization.extras(event))),
            "namespacePath" => ResolvedValue::leaf(self.context.organization.namespace_path(event)),
            "timestamp" => time(event.timestamp),
            "user" => self.object(Kind::User("UserCore", event.person)),
            "language" => ResolvedValue::leaf(event.language),
            "suggestionSize" => ResolvedValue::leaf(event.suggestion_size.map(|lines| lines.to_string())),
            "uniqueTrackingId" => ResolvedValue::leaf(event.unique_tracking_id()),
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

/// Usage events of one time range, newest first.
struct Events<'a> {
    organization: &'a Organization,
    places: &'a [u32],
    events: Option<Vec<String>>,
    people: Option<HashSet<usize>>,
}

impl Sorted for Events<'_> {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn seek(&self, cursor: &Value, past: bool) -> Option<usize> {
        let timestamp = validation::moment(cursor.get("timestamp")?.as_str()?)?;
        let wanted = (timestamp, paging::id_of(cursor)?);
        Some(self.places.partition_point(|place| {
            let event = &self.organization.usage_events[*place as usize];
            let key = (event.timestamp, event.id);
            key > wanted || past && key == wanted
        }))
    }

    fn get(&self, place: usize) -> Option<usize> {
        let position = self.places[place] as usize;
        let event = &self.organization.usage_events[position];
        if let Some(events) = &self.events
            && !events.iter().any(|name| name == event.event)
        {
            return None;
        }
        if self.people.as_ref().is_some_and(|people| !people.contains(&event.person)) {
            return None;
        }
        Some(position)
    }
}

impl Organization {
    /// The places of the events between the times, both included.
    pub(super) fn between<'a>(
        &self,
        places: &'a [u32],
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> &'a [u32] {
        let timestamp = |place: &u32| self.usage_events[*place as usize].timestamp;
        let from = places.partition_point(|place| timestamp(place) > end);
        let to = places.partition_point(|place| timestamp(place) >= start);
        &places[from..to.max(from)]
    }
}
