//! Seats: purchases and eligible users.

use super::*;

impl<'q> Node<'q> {
    /// Positions of the purchases of the namespace or the instance; `None` if the user may not see
    /// them.
    pub(super) fn purchases(&self, info: &ResolveInfo<'_>) -> Result<Option<Vec<usize>>, FieldError> {
        let organization = self.context.organization;
        let all = 0..organization.add_on_purchases.len();
        let Some(id) = text(info, "namespaceId") else {
            // Without a namespace, the query is for a Self-Managed instance.
            let sees_them = self.context.settings.self_managed && self.context.role == Role::Administrator;
            return Ok(sees_them.then(|| all.collect()));
        };
        let number: u64 = id
            .strip_prefix("gid://gitlab/Group/")
            .or_else(|| id.strip_prefix("gid://gitlab/Namespace/"))
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| error(errors::invalid_id(id, "Namespace")))?;
        let group = organization.groups.iter().position(|group| group.id == number);
        if self.context.settings.self_managed || !self.context.role.owns() {
            return Ok(None);
        }
        Ok(group.map(|group| {
            all.filter(|purchase| organization.add_on_purchases[*purchase].group == group).collect()
        }))
    }

    pub(super) fn purchase<'a>(
        &'a self,
        position: usize,
        field: &str,
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let purchase = &self.context.organization.add_on_purchases[position];
        Ok(match field {
            "id" => ResolvedValue::leaf(purchase_gid(purchase.id)),
            "name" => ResolvedValue::leaf(purchase.add_on.name()),
            "purchasedQuantity" => ResolvedValue::leaf(purchase.purchased),
            "assignedQuantity" => ResolvedValue::leaf(purchase.assigned),
            _ => return Err(self.unknown_field_error(info)),
        })
    }

    /// People of a top-level group, or of the instance.
    pub(super) fn eligible_users<'a>(
        &'a self,
        group: Option<usize>,
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let organization = self.context.organization;
        let is_below = group.is_some_and(|group| organization.groups[group].parent.is_some());
        if !self.context.role.owns() || is_below {
            return Ok(ResolvedValue::null());
        }
        let purchases: Vec<usize> = self.purchases_named(info)?;
        let add_on = text(info, "addOnType").unwrap_or_default();
        let search = text(info, "search").map(str::to_lowercase);
        let assigned = match text(info, "filterByAssignedSeat") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        let holds = |person: &Person| {
            purchases.iter().any(|purchase| {
                let purchase = &organization.add_on_purchases[*purchase];
                purchase.add_on.name() == add_on && purchase.is_held_by(person)
            })
        };
        let mut people: Vec<usize> = (0..organization.people.len())
            .filter(|person| {
                let person = &organization.people[*person];
                !person.bot
                    && person.is_member_on(organization.last_day)
                    && group.is_none_or(|group| person.groups.contains(&group))
                    && assigned.is_none_or(|assigned| holds(person) == assigned)
                    && search.as_ref().is_none_or(|search| {
                        person.name.to_lowercase().contains(search)
                            || person.username.to_lowercase().contains(search)
                    })
            })
            .collect();
        let person = |position: &usize| &organization.people[*position];
        match text(info, "sort").unwrap_or("ID_DESC") {
            "NAME_ASC" => people.sort_by_key(|position| person(position).name.clone()),
            "NAME_DESC" => people.sort_by_key(|position| Reverse(person(position).name.clone())),
            "LAST_ACTIVITY_ON_ASC" => people.sort_by_key(|position| person(position).last_activity_on),
            "LAST_ACTIVITY_ON_DESC" => {
                people.sort_by_key(|position| Reverse(person(position).last_activity_on));
            }
            "ID_ASC" => {}
            _ => people.reverse(),
        }
        self.list("AddOnUser", |person| Kind::User("AddOnUser", person), people, info)
    }

    /// Positions of the purchases with the given ids; unknown ids are ignored.
    pub(super) fn purchases_named(&self, info: &ResolveInfo<'_>) -> Result<Vec<usize>, FieldError> {
        let mut positions = Vec::new();
        for id in texts(info, "addOnPurchaseIds").unwrap_or_default() {
            let number: u64 = id
                .strip_prefix("gid://gitlab/GitlabSubscriptions::AddOnPurchase/")
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| error(errors::invalid_id(&id, "GitlabSubscriptions::AddOnPurchase")))?;
            let purchases = &self.context.organization.add_on_purchases;
            positions.extend(purchases.iter().position(|purchase| purchase.id == number));
        }
        Ok(positions)
    }
}
