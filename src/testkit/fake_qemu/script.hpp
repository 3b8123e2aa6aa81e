// SPDX-License-Identifier: MIT
// Script: what a fake QEMU and the guest in it do, as JSON from FAKE_QEMU_SCRIPT.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <vmfleet/base/json.hpp>

#include "testkit/fake_qemu/options.hpp"

namespace vmfleet::testkit {

/// FAKE_QEMU_SCRIPT is a path, or the document itself. Without one, the guest behaves like the tiny
/// guest that -kernel names, or like `marker`. Its keys are described in
/// <vmfleet/testkit/fake_qemu.hpp>.
class Script {
 public:
  /// *Errors*: `invalid_config`, `not_found`, `protocol`.
  static Script load(const Options& options);

  [[nodiscard]] const json::Value& operator[](std::string_view key) const { return root_[key]; }
  /// Whether the list `ignore` holds this word: sigterm, powerdown, quit.
  [[nodiscard]] bool ignores(std::string_view what) const;
  [[nodiscard]] const json::Array& guest() const;
  /// What the guest does when its power button is pressed; nothing for most guests.
  [[nodiscard]] const json::Array& on_powerdown() const;

 private:
  json::Value root_ = json::Object();
};

}  // namespace vmfleet::testkit
