//! The tests of the whole: the real binary, a real server, real files. One binary, since linking takes longer
//! than testing; what is where:

// The stand-in GitLab is an example too; what is not used here is used there.
#[allow(dead_code, unreachable_pub, unused_imports)]
#[path = "../../examples/gitlab/stand_in/mod.rs"]
mod stand_in;

mod agents;
mod bench;
mod collectors;
mod component;
mod connections;
mod consumers;
mod doctor;
mod documents;
mod exit_codes;
mod exports;
mod faults;
mod fetching;
mod figures;
mod history;
mod image;
mod inputs;
mod laws;
mod layout;
mod lint;
mod people;
mod pipelines;
mod privacy;
mod reference;
mod resuming;
mod rollups;
mod site;
mod states;
mod tools;
mod totals;
mod traps;
mod unions;
