// SPDX-License-Identifier: MIT
// The header of a qcow2 image: how large its disk is, and whether other files belong to it.
#pragma once

#include <filesystem>

#include <vmfleet/base/units.hpp>

namespace vmfleet::image {

struct Qcow2Header {
  Bytes virtual_size;
  bool alone = true;  ///< no backing file and no external data file: a copy of the file is whole
};

/// *Errors*: `not_found`; `invalid_config` when it is no qcow2 image.
/// *Source*: QEMU docs/interop/qcow2.txt, "Header".
Qcow2Header read_qcow2_header(const std::filesystem::path& path);

}  // namespace vmfleet::image
