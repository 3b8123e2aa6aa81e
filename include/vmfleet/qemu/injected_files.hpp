// SPDX-License-Identifier: MIT
// What a machine's injections make of its command line: pure facts, nothing is written here.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// Whether a guest of this machine type finds SMBIOS tables: with the BIOS of a PC, or UEFI.
bool has_smbios(const MachineConfig& config);
/// Whether QEMU offers 32 random bytes of the host, in the file below.
bool offers_entropy(const MachineConfig& config);
std::filesystem::path entropy_path(const std::filesystem::path& directory);

/// Whether the machine boots a kernel or initrd of its own, since something is put into it.
bool owns_kernel(const MachineConfig& config);
bool owns_initrd(const MachineConfig& config);
/// What QEMU boots: a file in `directory` when the machine owns it; "" when there is none.
std::filesystem::path kernel_path(const MachineConfig& config,
                                  const std::filesystem::path& directory);
std::filesystem::path initrd_path(const MachineConfig& config,
                                  const std::filesystem::path& directory);

/// Whether there is a disk for cloud-init, and its file.
bool has_cloud_disk(const MachineConfig& config);
std::filesystem::path cloud_disk_path(const std::filesystem::path& directory);

/// The name in QEMU's firmware configuration, `opt/…`; "" for other ways.
std::string firmware_name(const MachineConfig& config, const Injection& injection);
/// Whether the content of this injection must be in a file of the machine's own: a text, or a
/// credential as SMBIOS carries it.
bool needs_file(const MachineConfig& config, const Injection& injection);
/// Where the content of the `index`-th injection is: there, in `directory`, or at its source.
std::filesystem::path injected_path(const MachineConfig& config, std::size_t index,
                                    const std::filesystem::path& directory);

/// The index of the disk that `{disk:ID}` means in a tool's command; the number of disks when there
/// is none of this id. A disk without an id is called `disk0`, `disk1`…
std::size_t find_disk(const MachineConfig& config, std::string_view id);
/// Whether the command has this placeholder, without braces.
bool mentions(const Injection& tool, std::string_view placeholder);
/// Whether the command works on this disk.
bool works_on_disk(const MachineConfig& config, const Injection& tool, std::size_t disk);

}  // namespace vmfleet
