// SPDX-License-Identifier: MIT
// FleetSpec: the machines of a fleet, read from a file or from command-line options.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/machine/readiness.hpp>
#include <vmfleet/qemu/machine_config.hpp>
#include <vmfleet/qemu/qemu_binary.hpp>

namespace vmfleet {

/// Whether a machine that ends is started again, with back-off. That is done by its owner, as long
/// as there is one: `Fleet::up` until it is ready, `Fleet::supervise` from then on. A machine that
/// a command has ended stays so.
enum class RestartPolicy {
  no,
  on_failure,  ///< unless the guest has shut down, or exited with a code that means success
  always,
};

std::string_view to_string(RestartPolicy policy) noexcept;
enum class SpecFormat { toml, json };

/// What a machine waits for before it is started, of all machines of another class. Each includes
/// the ones before it.
enum class DependencyCondition {
  started,    ///< QEMU runs and has answered
  ready,      ///< it is ready; one without a readiness: its processors run
  completed,  ///< it has ended by itself, with success
};

std::string_view to_string(DependencyCondition condition) noexcept;

/// By machine class.
using Dependencies = std::map<std::string, DependencyCondition>;

struct SshAccess {
  SshAccess() = default;

  std::string user = "root";
  std::string key = "auto";  ///< the state root's own; or an absolute path of a private key
  bool asked = false;        ///< for by name: without a key it is an error, else a warning

  bool operator==(const SshAccess&) const = default;
};

/// Of one class, as many as a fleet file or an option may ask for: each is a process of one host,
/// with memory, threads and a dozen descriptors.
inline constexpr std::size_t kMostMachines = 1024;

/// Whether machines start from a template, instead of booting.
enum class Cloned {
  no,
  yes,        ///< those whose clones each have an identity of their own
  identical,  ///< also those whose clones have something in common that should be their own
};

/// One machine, with everything resolved that can be known before it is launched.
struct MachineSpec {
  MachineSpec() = default;

  MachineConfig config;
  std::string machine_class;  ///< `web` of `web-2`
  std::size_t index = 0;      ///< 2 of `web-2`
  std::string image;          ///< an image whose kernel and initrd the launch fills in; or empty
  Cloned clone = Cloned::no;  ///< where that can be, see `TemplateStore`
  Readiness ready;
  std::map<std::string, std::string> labels;
  RestartPolicy restart = RestartPolicy::no;
  Dependencies depends_on;
  std::optional<Milliseconds> stop_grace;  ///< empty: the ladder's own
  /// Of each log on the disk; empty: unbounded.
  std::optional<Bytes> log_limit = Bytes::mebi(64);
  std::optional<SshAccess> ssh;  ///< of machines with an image, `ready.ssh` or a table `ssh`
  /// The interfaces whose address on a LAN is not the file's choice.
  std::set<std::size_t> chosen_addresses;
  /// Of what a running machine cannot change: configuration and image, not readiness or labels.
  std::string hash;
  /// All that was said of this machine, for `recall`; null when it was not read from anything.
  json::Value source;
};

/// The machine that `source` (of a machine of an earlier specification) is about, read anew.
/// *Errors*: `invalid_config`.
MachineSpec recall(const json::Value& source, const std::filesystem::path& state_root);

/// The QEMU that a machine would run with; nullopt when that cannot be known.
using BinaryFinder = std::function<std::optional<QemuBinary>(const std::string& qemu, Arch arch)>;

/// What the caller decides about a fleet, whatever describes it.
struct SpecOptions {
  SpecOptions() = default;

  std::string fleet;                 ///< its name, instead of the file's or the folder's
  std::optional<std::size_t> count;  ///< replaces the count of the only machine class
  std::filesystem::path state_root;  ///< gives `{dir}` its meaning; empty: it is left as it is
  BinaryFinder binary_of;            ///< empty: machine types and CPU models are not checked
  bool look_at_files = false;        ///< those that are named must be there
};

/// A fleet without a file: the text of each option, as the user typed it. Empty: not given.
struct FleetOptions : SpecOptions {
  FleetOptions() = default;

  std::string image;  ///< without image, kernel and disks: `tiny`
  std::string kernel;
  std::string initrd;
  std::string append;
  std::vector<std::string> disks;
  std::string memory;
  std::string cpus;
  std::string accel;
  std::string arch;
  std::string qemu;
  std::string machine;
  std::string cpu;
  std::vector<std::string> ready;  ///< `serial=TEXT`, `regex=RE`, `port=NAME`, `ssh`, `agent`…
  std::vector<std::string> forwards;
  std::vector<std::string> qemu_args;
};

/// Every machine of a fleet. All that is wrong is reported by one `Error` (`invalid_config`) with a
/// line of evidence for each problem: file, line, column, key, what is wrong, what was meant.
struct FleetSpec {
  FleetSpec() = default;

  std::string name;
  std::filesystem::path directory;    ///< relative paths of the file start here
  std::vector<MachineSpec> machines;  ///< in the file's order

  /// TOML, or JSON when it is named `….json`. The fleet is called after the folder unless the file
  /// says otherwise. *Errors*: also `not_found`.
  static FleetSpec load(const std::filesystem::path& path,
                        const SpecOptions& options = SpecOptions());
  /// `origin` is the file's path, for messages, relative paths and the default name; it need not
  /// exist.
  static FleetSpec parse(std::string_view text, const std::filesystem::path& origin,
                         SpecFormat format = SpecFormat::toml,
                         const SpecOptions& options = SpecOptions());
  /// A class `vm` with the machines vm-0, vm-1…; relative paths start in the working directory.
  static FleetSpec from_options(const FleetOptions& options);
};

/// What a fleet file calls its fleet, for those who need no more of it.
struct FleetName {
  FleetName() = default;

  /// Of a file with errors as far as it can be read: its line `fleet = …`, else its folder's name.
  /// *Errors*: `not_found`, `unavailable`; `invalid_config` when that is no name of a fleet.
  static FleetName load(const std::filesystem::path& path);

  std::string name;
  std::optional<Error> errors;  ///< all that is wrong in the file
};

/// As `vmfleet config` prints it: every machine by name.
json::Value describe(const FleetSpec& spec);

/// What stands for a placeholder; those without a value here stay as they are, and so do all other
/// braces, which regular expressions, JSON and a shell's `${variable}` use too.
struct Placeholders {
  Placeholders() = default;

  std::optional<std::string> name;                          ///< `{name}`
  std::optional<std::string> index;                         ///< `{index}`
  std::optional<std::string> fleet;                         ///< `{fleet}`
  std::optional<std::string> dir;                           ///< `{dir}`: the instance directory
  std::map<std::string, std::uint16_t, std::less<>> ports;  ///< `{port:FORWARD}`: on the host
};

std::string expand(std::string_view text, const Placeholders& values);

}  // namespace vmfleet
