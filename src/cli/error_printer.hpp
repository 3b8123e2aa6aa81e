// SPDX-License-Identifier: MIT
// How an error is told: in words on stderr, as a document on stdout with --json.
#pragma once

#include <string>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/json.hpp>

#include "cli/stream.hpp"

namespace vmfleet::cli {

/// `vmfleet: what failed: why`, the evidence indented below, then the hint.
std::string describe_error(const Error& error, const Stream& err);
/// The same, about one machine of several.
std::string describe_error(const std::string& machine, const Error& error, const Stream& err);

/// `{"schema": "vmfleet.error/1", "error": {…}}`.
json::Value error_document(json::Value error);

}  // namespace vmfleet::cli
