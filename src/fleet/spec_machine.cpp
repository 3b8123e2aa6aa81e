// SPDX-License-Identifier: MIT
// The keys of a machine that are not devices.
#include "fleet/spec_machine.hpp"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include <vmfleet/instance/log_keeper.hpp>

namespace vmfleet::spec {
namespace {

constexpr std::int64_t kMostCpus = 1024;

constexpr std::array kRestartPolicies = {RestartPolicy::no, RestartPolicy::on_failure,
                                         RestartPolicy::always};

Result<RestartPolicy> parse_restart(std::string_view word) {
  for (const RestartPolicy policy : kRestartPolicies) {
    if (word == to_string(policy)) return policy;
  }
  return Error(ErrorKind::invalid_config, fmt::format("unknown restart policy \"{}\"", word))
      .hint("one of: no, on-failure, always");
}

void read_path(Table& table, std::string_view key, const MachineReader& reader, std::string& into) {
  std::string path;
  table.text(key, path);
  if (!path.empty()) into = absolute_path(path, reader.folder);
}

void read_hardware(Table& table, const MachineReader& reader) {
  MachineConfig& config = reader.machine.config;
  table.word("arch", parse_arch, config.arch);
  table.text("qemu", config.qemu);
  // A name without a slash is looked up in PATH.
  if (config.qemu.find('/') != std::string::npos) {
    config.qemu = absolute_path(config.qemu, reader.folder);
  }
  table.word("accel", parse_accelerator, config.accel);
  table.text("machine", config.machine);
  table.text("cpu", config.cpu);
  table.number("cpus", 1, kMostCpus,
               [&](std::int64_t number) { config.cpus = static_cast<unsigned>(number); });
  table.bytes("memory", [&](Bytes size) { config.memory = size; });
}

void read_boot(Table& table, const MachineReader& reader) {
  MachineConfig& config = reader.machine.config;
  table.text("image", reader.machine.image);
  read_path(table, "kernel", reader, config.kernel);
  table.flag("kernel_cache", config.kernel_cache);
  read_path(table, "initrd", reader, config.initrd);
  read_path(table, "bios", reader, config.bios);
  table.texts("append", config.append);
  table.flag("append_defaults", config.append_defaults);
  table.texts("qemu_args", config.qemu_args);
  table.flag("paused", config.paused);
  table.text("gdb", config.gdb);
}

Result<OnPanic> parse_on_panic(std::string_view word) {
  if (word == "exit") return OnPanic::exit;
  if (word == "pause") return OnPanic::pause;
  return Error(ErrorKind::invalid_config, fmt::format("\"{}\" is no answer to a panic", word))
      .hint("one of: exit, pause");
}

Result<Cloned> parse_template(std::string_view word) {
  if (word == "auto") return Cloned::yes;
  if (word == "identical") return Cloned::identical;
  if (word == "none") return Cloned::no;
  return Error(ErrorKind::invalid_config, fmt::format("\"{}\" is no kind of template", word))
      .hint("one of: auto, identical, none");
}

Result<OnReboot> parse_on_reboot(std::string_view word) {
  if (word == "reset") return OnReboot::reset;
  if (word == "exit") return OnReboot::exit;
  return Error(ErrorKind::invalid_config, fmt::format("\"{}\" is no answer to a reboot", word))
      .hint("one of: reset, exit");
}

void read_vsock(Table& table, MachineConfig& config) {
  const Node* node = table.any("vsock");
  if (node == nullptr) return;
  if (node->kind == Kind::integer) {
    table.number("vsock", 3, 0xfffffffe,
                 [&](std::int64_t cid) { config.attach(Vsock(static_cast<std::uint32_t>(cid))); });
    return;
  }
  bool wanted = false;
  table.flag("vsock", wanted);
  if (wanted) config.attach(Vsock(derive_cid(config)));
}

void read_small_devices(Table& table, MachineConfig& config) {
  table.flag("rng", config.rng);
  table.flag("vmgenid", config.vmgenid);
  table.flag("agent", config.agent);
  table.flag("pvpanic", config.pvpanic);
  bool balloon = false;
  table.flag("balloon", balloon);
  if (balloon) config.attach(Balloon());
  read_vsock(table, config);
}

void read_text_table(Table& table, std::string_view key, std::map<std::string, std::string>& into) {
  const Node* node = table.table(key);
  if (node == nullptr) return;
  for (const Node::Member& member : node->members) {
    if (member.value.kind == Kind::text) {
      into[member.key] = member.value.text;
    } else {
      table.problems().add(member.value.place, fmt::format("{}.{}", table.path_of(key), member.key),
                           fmt::format("must be a string, and is {}", describe(member.value.kind)));
    }
  }
}

void read_exit_codes(Table& table, MachineConfig& config) {
  std::map<std::string, std::string> words;
  read_text_table(table, "exit_codes", words);
  for (const auto& [code, word] : words) {
    int status = -1;
    const char* end = code.data() + code.size();
    const auto read = std::from_chars(code.data(), end, status);
    const std::string key = fmt::format("exit_codes.{}", code);
    if (read.ec != std::errc() || read.ptr != end || status < 0 || status > 255) {
      table.add(key, fmt::format("\"{}\" is no exit status (0..255)", code));
    } else if (word != "success" && word != "failure") {
      table.add(key, fmt::format("\"{}\" is neither \"success\" nor \"failure\"", word));
    } else {
      config.exit_codes[status] = word;
    }
  }
}

void read_log_limit(Table& log, MachineSpec& machine) {
  const Node* limit = log.any("limit");
  if (limit != nullptr && limit->text == "none") {
    machine.log_limit.reset();
    return;
  }
  log.bytes("limit", [&](Bytes size) {
    machine.log_limit = size;
    if (size >= kLeastLogLimit) return;
    log.add("limit", fmt::format("{} is less than {}", to_string(size), to_string(kLeastLogLimit)),
            "\"none\" keeps all");
  });
}

void read_life(Table& table, MachineSpec& machine) {
  table.word("template", parse_template, machine.clone);
  table.word("restart", parse_restart, machine.restart);
  table.word("on_panic", parse_on_panic, machine.config.on_panic);
  table.word("on_reboot", parse_on_reboot, machine.config.on_reboot);
  if (const Node* stop = table.table("stop")) {
    Table keys(*stop, table.path_of("stop"), table.problems());
    keys.duration("grace", [&](Milliseconds grace) { machine.stop_grace = grace; });
    keys.finish();
  }
  if (const Node* log = table.table("log")) {
    Table keys(*log, table.path_of("log"), table.problems());
    read_log_limit(keys, machine);
    keys.finish();
  }
}

void read_ssh(Table& table, const MachineReader& reader) {
  const Node* ssh = table.table("ssh");
  if (ssh == nullptr) return;
  SshAccess& access = reader.machine.ssh.emplace();
  access.asked = true;
  Table keys(*ssh, table.path_of("ssh"), table.problems());
  keys.text("user", access.user);
  keys.text("key", access.key);
  if (access.key != "auto") access.key = absolute_path(access.key, reader.folder);
  if (access.user.empty()) keys.add("user", "a user has a name");
  if (access.key.empty()) keys.add("key", "neither \"auto\" nor a path");
  keys.finish();
}

}  // namespace

std::string absolute_path(const std::string& path, const std::filesystem::path& folder) {
  // `{dir}` is absolute once it is known.
  if (path.empty() || path[0] == '/' || path.rfind("{dir}", 0) == 0) return path;
  return (folder / path).lexically_normal().string();
}

void read_machine(const Node& node, const std::string& path, MachineReader& reader,
                  Problems& problems) {
  MachineSpec& machine = reader.machine;
  Table table(node, path, problems);
  table.any("count");  // was read before the machines of the class were counted out
  read_hardware(table, reader);
  read_boot(table, reader);
  read_text_table(table, "labels", machine.labels);
  read_dependencies(table, machine);
  read_exit_codes(table, machine.config);
  read_life(table, machine);
  read_ssh(table, reader);
  read_small_devices(table, machine.config);
  read_disks(table, reader);
  read_nets(table, reader);
  read_shares(table, reader);
  read_injections(table, reader);
  read_ready(table, reader);
  table.finish();
  complete_machine(node, machine);
  check_machine(node, path, reader, problems);
}

}  // namespace vmfleet::spec
