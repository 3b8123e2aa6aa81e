// SPDX-License-Identifier: MIT
// Downloading the guest's packages with apt, as any user, without touching the host's own set-up.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include <vmfleet/async/task.hpp>

#include <image/guest.hpp>

namespace vmfleet::image {

using Progress = std::function<void(std::string_view)>;

/// Downloads the newest kernel and the guest's programs and libraries into a folder below `work`.
///
/// The host's package lists serve when they are there and current; otherwise a private set is
/// fetched into `work`, from the host's own sources. *Errors*: `host_unfit` (no apt), `unavailable`
/// with apt's own words. *Cancellation*: ends apt.
Task<std::vector<std::filesystem::path>> download_packages(const GuestArch& arch,
                                                           std::filesystem::path work,
                                                           Progress progress);

/// The packages to download, out of what `apt-cache depends --recurse` prints for them.
std::vector<std::string> kernel_packages(std::string_view apt_cache_output);
std::vector<std::string> library_packages(std::string_view apt_cache_output);

/// A configuration that is the host's (`apt-config dump`), but for where state is kept: below
/// `work`. Scripts that the host runs after an update are left out.
std::string private_apt_configuration(std::string_view dump, const std::filesystem::path& work,
                                      std::string_view debian_arch);

}  // namespace vmfleet::image
