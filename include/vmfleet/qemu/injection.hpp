// SPDX-License-Identifier: MIT
// Injection: something that is put into a guest before its first instruction.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/result.hpp>
#include <vmfleet/base/units.hpp>

namespace vmfleet {

enum class InjectionWay {
  initrd,      ///< a file in the guest's first root file system
  fw_cfg,      ///< a file of QEMU's firmware configuration device
  credential,  ///< a credential of systemd: in SMBIOS, or fw_cfg where there is no SMBIOS
  cloud_init,  ///< a file of a NoCloud disk
  tool,        ///< whatever a command does to the machine's own disk, kernel or initrd
};

std::string_view to_string(InjectionWay way) noexcept;
Result<InjectionWay> parse_injection_way(std::string_view word);

struct Injection {
  static constexpr Milliseconds kDefaultTimeout{60'000};

  Injection() = default;

  InjectionWay via = InjectionWay::fw_cfg;
  /// initrd: an absolute path in the guest; fw_cfg: the name after `opt/`; credential: its name;
  /// cloud-init: `user-data`, `meta-data`…; tool: whatever the command makes of `{path}`.
  std::string path;
  std::string source;               ///< a file of the host, absolute; or else
  std::optional<std::string> text;  ///< what it says; never in QEMU's arguments

  /// tool: run without a shell. `{initrd}`, `{kernel}` and `{disk:ID}` are files of the machine's
  /// own that it may change, `{source}` the source or the text in a file, `{path}` the path, and
  /// `{name}`, `{fleet}` and `{dir}` the machine's.
  std::vector<std::string> command;
  std::string directory;  ///< where the command runs; empty: where its caller does
  Milliseconds timeout = kDefaultTimeout;

  bool operator==(const Injection&) const = default;
};

/// The placeholders in a word of a command, without braces: `disk:root`, `source`. A shell's
/// `${variable}` is none.
std::vector<std::string> tool_placeholders(std::string_view text);

}  // namespace vmfleet
