// SPDX-License-Identifier: MIT
// FleetSpec: from a file or text, and back to JSON.
#include <vmfleet/fleet/fleet_spec.hpp>

#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "fleet/dependencies.hpp"
#include "fleet/spec_document.hpp"
#include "fleet/spec_syntax.hpp"

namespace vmfleet {
namespace {

constexpr std::streamsize kLargestFile = 4 << 20;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text(kLargestFile + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  std::error_code ignored;
  if (!stream.eof() && std::filesystem::is_regular_file(path, ignored) && !text.empty()) {
    throw Error(ErrorKind::invalid_config,
                fmt::format("{} is too large for a fleet file", path.string()));
  }
  if (stream.eof()) return text;
  const bool exists = std::filesystem::exists(path, ignored);
  throw Error(exists ? ErrorKind::unavailable : ErrorKind::not_found,
              fmt::format("{} cannot be read", path.string()))
      .hint(exists ? "check that it is a file, and its permissions"
                   : "name the fleet file with -f, or give options such as --image tiny");
}

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return std::filesystem::absolute(file).lexically_normal().parent_path();
}

/// What is not well-formed as a whole may be so line by line, before the first table; else "".
std::string name_in_lines(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).substr(0, 1) == "[") break;
    try {
      const spec::Node alone = spec::read_toml(line, "");
      const spec::Node* name = alone.find("fleet");
      if (name != nullptr && name->kind == spec::Kind::text) return name->text;
    } catch (const Error&) {
      continue;
    }
  }
  return "";
}

json::Object describe(const Readiness& ready) {
  json::Object object;
  const auto list = [&](const char* key, const std::vector<std::string>& texts) {
    if (!texts.empty()) object.set(key, json::to_array(texts));
  };
  const auto flag = [&](const char* key, bool value) {
    if (value) object.set(key, true);
  };
  list("serial", ready.serial);
  list("regex", ready.regex);
  list("port", ready.ports);
  flag("ssh", ready.ssh);
  flag("agent", ready.agent);
  list("event", ready.events);
  flag("exit", ready.exit);
  flag("any", ready.any);
  object.set("timeout", ready.timeout == Readiness::kNoTimeout
                            ? std::string("none")
                            : fmt::format("{}ms", ready.timeout.count()));
  if (ready.fail) object.set("fail", json::to_array(*ready.fail));
  return object;
}

json::Object describe(const MachineSpec& machine) {
  json::Object object = describe(machine.config);
  object.set("class", machine.machine_class);
  if (!machine.image.empty()) object.set("image", machine.image);
  object.set("ready", describe(machine.ready));
  if (!machine.labels.empty()) object.set("labels", json::to_object(machine.labels));
  if (machine.restart != RestartPolicy::no) object.set("restart", to_string(machine.restart));
  if (!machine.depends_on.empty()) object.set("depends_on", to_json(machine.depends_on));
  if (machine.stop_grace) {
    json::Object stop;
    stop.set("grace", fmt::format("{}ms", machine.stop_grace->count()));
    object.set("stop", std::move(stop));
  }
  json::Object log;
  log.set("limit", machine.log_limit ? to_string(*machine.log_limit) : "none");
  object.set("log", std::move(log));
  if (machine.ssh) {
    json::Object ssh;
    ssh.set("user", machine.ssh->user).set("key", machine.ssh->key);
    object.set("ssh", std::move(ssh));
  }
  object.set("hash", machine.hash);
  return object;
}

}  // namespace

FleetSpec FleetSpec::load(const std::filesystem::path& path, const SpecOptions& options) {
  const SpecFormat format = path.extension() == ".json" ? SpecFormat::json : SpecFormat::toml;
  return parse(read_file(path), path, format, options);
}

FleetSpec FleetSpec::parse(std::string_view text, const std::filesystem::path& origin,
                           SpecFormat format, const SpecOptions& options) {
  const std::string shown = origin.string();
  const spec::Node root =
      format == SpecFormat::json ? spec::read_json(text, shown) : spec::read_toml(text, shown);
  return spec::read_document(root, spec::Problems(shown), folder_of(origin), options);
}

FleetName FleetName::load(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  FleetName found;
  SpecOptions options;
  options.state_root = "/";  // wherever it is, `{dir}` is an absolute path
  try {
    found.name = FleetSpec::parse(text, path, SpecFormat::toml, options).name;
    return found;
  } catch (const Error& error) {
    found.errors = error;
  }
  found.name = name_in_lines(text);
  if (found.name.empty()) found.name = spec::name_from(folder_of(path));
  if (!is_valid_name(found.name)) throw *found.errors;
  return found;
}

json::Value describe(const FleetSpec& spec) {
  json::Array machines;
  for (const MachineSpec& machine : spec.machines) machines.emplace_back(describe(machine));
  json::Object object;
  object.set("fleet", spec.name);
  object.set("machines", std::move(machines));
  return object;
}

}  // namespace vmfleet
