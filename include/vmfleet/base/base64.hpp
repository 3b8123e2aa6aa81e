// SPDX-License-Identifier: MIT
// Base64, as JSON protocols carry bytes.
#pragma once

#include <string>
#include <string_view>

#include <vmfleet/base/result.hpp>

namespace vmfleet {

/// With padding. *Source*: RFC 4648, section 4.
std::string encode_base64(std::string_view data);

/// *Errors*: `protocol` for anything but the standard alphabet with its padding.
/// *Source*: RFC 4648, section 4.
Result<std::string> decode_base64(std::string_view text);

}  // namespace vmfleet
