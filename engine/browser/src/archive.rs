//! A profile in one file: a tar of what logs somebody in somewhere. Caches are left out, and so is what belongs to a browser that runs.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tar::{Archive, Builder, EntryType, Header};

/// What is not taken along, wherever it lies: caches, and what is made anew.
const LEFT_OUT: [&str; 20] = [
    "zo.lock",
    "zo.json",
    "zo-tmp",
    "zo-incoming",
    "SingletonLock",
    "SingletonSocket",
    "SingletonCookie",
    "Cache",
    "Code Cache",
    "GPUCache",
    "DawnGraphiteCache",
    "DawnWebGPUCache",
    "GrShaderCache",
    "GraphiteDawnCache",
    "ShaderCache",
    "Crashpad",
    "BrowserMetrics",
    "component_crx_cache",
    "Safe Browsing",
    "optimization_guide_model_store",
];

/// Writes a profile, in which no browser runs, as a tar.
///
/// # Errors
/// If it cannot be read, or `out` not be written.
pub fn pack(profile: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut tar = Builder::new(out);
    add(&mut tar, profile, Path::new(""))?;
    tar.into_inner()?.flush()
}

fn add(tar: &mut Builder<&mut dyn Write>, profile: &Path, inside: &Path) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(profile.join(inside))?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let (path, kind) = (inside.join(&name), entry.file_type()?);
        if kind.is_dir() {
            add(tar, profile, &path)?;
        } else if kind.is_file() {
            let file = fs::File::open(entry.path())?;
            let mut header = Header::new_gnu();
            header.set_size(file.metadata()?.len());
            header.set_mode(0o600);
            header.set_mtime(0);
            tar.append_data(&mut header, path, file)?;
        }
    }
    Ok(())
}

/// Makes a profile of such a tar, for the owner alone. Its folder must not be there yet; it is there if all of it could be read.
///
/// # Errors
/// If it is no such tar, the folder is there, or it cannot be written.
pub fn unpack(tar: impl Read, profile: &Path) -> io::Result<()> {
    if fs::read_dir(profile).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a profile already"));
    }
    let parent = profile.parent().ok_or_else(|| io::Error::other("the profile has no folder around it"))?;
    fs::create_dir_all(parent)?;
    let unfinished = tempfile::Builder::new().prefix(".profile-").tempdir_in(parent)?;
    let mut tar = Archive::new(tar);
    for entry in tar.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type() != EntryType::Regular {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "there is something else than files in it"));
        }
        let path = entry.path()?.into_owned();
        // Whose path leads out of the folder is not unpacked.
        if !entry.unpack_in(unfinished.path())? {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} leads out of it", path.display())));
        }
        fs::set_permissions(unfinished.path().join(&path), fs::Permissions::from_mode(0o600))?;
    }
    // To its end, where it is told whether something was cut off.
    io::copy(&mut tar.into_inner(), &mut io::sink())?;
    let _ = fs::remove_dir(profile);
    fs::set_permissions(unfinished.path(), fs::Permissions::from_mode(0o700))?;
    fs::rename(unfinished.keep(), profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_packed_without_caches_and_unpacked_where_none_is() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::create_dir_all(one.join("Default/Cache")).unwrap();
        fs::write(one.join("zo-cookies.json"), "[]").unwrap();
        fs::write(one.join("Default/Cache/big"), "cached").unwrap();
        fs::write(one.join("Default/Cookies"), "logged in").unwrap();
        let mut packed = Vec::new();
        pack(&one, &mut packed).unwrap();
        unpack(&packed[..], &two).unwrap();
        assert_eq!(fs::read_to_string(two.join("Default/Cookies")).unwrap(), "logged in");
        assert_eq!(fs::metadata(two.join("zo-cookies.json")).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!two.join("Default/Cache").exists());
        assert_eq!(unpack(&packed[..], &two).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let three = folder.path().join("three");
        assert!(unpack(&packed[..packed.len() / 2], &three).is_err() && !three.exists());
    }

    #[test]
    fn what_leads_out_of_the_folder_is_not_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let mut tar = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..9].copy_from_slice(b"../escape");
        header.set_size(1);
        header.set_mode(0o600);
        header.set_entry_type(EntryType::Regular);
        header.set_cksum();
        tar.append(&header, &b"x"[..]).unwrap();
        let packed = tar.into_inner().unwrap();
        assert!(unpack(&packed[..], &folder.path().join("inner/profile")).is_err());
        assert!(!folder.path().join("escape").exists() && !folder.path().join("inner/escape").exists());
    }
}
