//! Capabilities: those of a new user namespace kept over an exec, and all of them given up for ever.

use std::io;

use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, configure_capability_in_ambient_set, remove_capability_from_bounding_set,
    set_capabilities, set_capabilities_secure_bits,
};

use crate::job::Failure;

/// What the next stages need within their namespaces: to mount, to raise the loopback, to give up capabilities, and to see
/// and end what they watch.
const NEEDED: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::NET_ADMIN)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::KILL);

/// The highest number a capability can have; the kernel knows fewer.
const MAX_CAPABILITY: u32 = 63;

/// Keeps what the next stages need: who is not root in the namespace would lose everything at the next exec.
pub(super) fn keep_over_exec() -> Result<(), Failure> {
    let failed = |error| Failure::unavailable("keep the capabilities of a user namespace", error);
    let mut sets = capabilities(None).map_err(failed)?;
    sets.inheritable = NEEDED;
    set_capabilities(None, sets).map_err(failed)?;
    for capability in NEEDED.iter() {
        configure_capability_in_ambient_set(capability, true).map_err(failed)?;
    }
    Ok(())
}

/// Gives up every capability, also those that programs could bring: nothing executed from here on gets any.
pub(super) fn drop_all() -> Result<(), Failure> {
    let failed = |error| Failure::other("give up capabilities", error);
    let may_set = capabilities(None).map_err(failed)?.effective.contains(CapabilitySet::SETPCAP);
    if may_set {
        for number in 0..=MAX_CAPABILITY {
            let capability = CapabilitySet::from_bits_retain(1 << number);
            match capability_is_in_bounding_set(capability) {
                Ok(true) => remove_capability_from_bounding_set(capability).map_err(failed)?,
                Ok(false) => {}
                // The kernel does not know a capability of this number, nor of any higher one.
                Err(_) => break,
            }
        }
        let bits = CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED;
        set_capabilities_secure_bits(bits).map_err(failed)?;
    }
    clear_ambient_capability_set().map_err(failed)?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }).map_err(failed)?;
    let left = capabilities(None).map_err(failed)?;
    if !(left.effective | left.permitted | left.inheritable).is_empty() {
        return Err(Failure::other("give up capabilities", io::Error::other("some are left")));
    }
    Ok(())
}
