//! Members of groups.

use super::*;

/// A membership is numbered by its group and its person.
const MEMBERS_PER_GROUP: usize = 1 << 24;

/// Stands for the person of an invitation by mail, who has no account yet.
const INVITED: usize = MEMBERS_PER_GROUP - 1;

impl<'q> Node<'q> {
    /// The members of a group: by default also those that it inherits.
    pub(super) fn members<'a>(&'a self, group: usize, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let organization = self.context.organization;
        let relations = texts(info, "relations").unwrap_or(vec!["DIRECT".into(), "INHERITED".into()]);
        let has = |relation: &str| relations.iter().any(|other| other == relation);
        let is_meant = |other: usize| {
            let is_above = other != group && organization.is_within(group, other);
            let is_below = other != group && organization.is_within(other, group);
            (other == group && has("DIRECT"))
                || (is_above && has("INHERITED"))
                || (is_below && has("DESCENDANTS"))
        };
        let groups = (0..organization.groups.len()).filter(|other| is_meant(*other));
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for other in groups {
            let direct = organization.direct_members(other).filter(|person| seen.insert(*person));
            found.extend(direct.map(|person| other * MEMBERS_PER_GROUP + person));
        }
        if has("DIRECT") {
            found.push(group * MEMBERS_PER_GROUP + INVITED);
        }
        self.list("GroupMember", Kind::Member, found, info)
    }

    pub(super) fn member<'a>(
        &'a self,
        member: usize,
        field: &str,
        info: &'a ResolveInfo<'a>,
    ) -> Resolved<'a> {
        let (group, person) = (member / MEMBERS_PER_GROUP, member % MEMBERS_PER_GROUP);
        Ok(match field {
            "id" => ResolvedValue::leaf(format!("gid://gitlab/GroupMember/{member}")),
            "group" => self.object(Kind::Group(group)),
            "user" => self.nullable((person != INVITED).then_some(Kind::User("UserCore", person))),
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}
