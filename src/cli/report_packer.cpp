// SPDX-License-Identifier: MIT
// Records as they are on the disk, the ends of logs, and what the other commands answer.
#include "cli/report_packer.hpp"

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/io/files.hpp>

#include "cli/command_line_of.hpp"
#include "cli/host_facts.hpp"
#include "cli/inspect_sections.hpp"
#include "cli/up_spec.hpp"

namespace vmfleet::cli {

namespace {

constexpr Bytes kLogEnd = Bytes::mebi(1);

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// A damaged one may be read all the same: then it is known what must not be told of it.
json::Value read_for_report(const std::filesystem::path& file) {
  auto record = json::parse(files::read(file));
  if (record && record->is_object()) return *std::move(record);
  // In no other words: those of the parser quote the file.
  throw Error(ErrorKind::corrupt,
              "it is damaged, and may hold what is injected; look whether serial.log does, too");
}

json::Object with(const json::Value& object, const std::string& key, json::Value value) {
  json::Object changed = *object.as_object();
  changed.set(key, std::move(value));
  return changed;
}

/// The keys of the fleet file that it has.
json::Value record_without_texts(const json::Value& record) {
  const json::Value& body = record["body"];
  const json::Value& spec = body["spec"];
  if (!spec["keys"].is_object()) return record;
  json::Value keys = without_injected_texts(spec["keys"]);
  return with(record, "body", with(body, "spec", with(spec, "keys", std::move(keys))));
}

/// From a line's beginning, so that no piece of a text goes unseen.
std::string end_of(const std::filesystem::path& file) {
  std::string text = files::read_end(file, kLogEnd);
  if (text.size() < kLogEnd.count()) return text;
  const auto line = text.find('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

/// nullopt without one, or when the fleet is another.
std::optional<FleetSpec> fleet_file_of(const Context& context) {
  if (!is_there(kFleetFile)) return std::nullopt;
  if (FleetName::load(kFleetFile).name != context.fleet_name()) return std::nullopt;
  SpecArguments arguments;
  arguments.file = kFleetFile;
  return resolve_spec(context, arguments);
}

}  // namespace

void ReportPacker::learn_texts(const Context& context, const std::vector<std::string>& machines) {
  for (const std::string& name : machines) {
    const auto directory = context.state_root() / context.fleet_name() / name;
    for (const std::string ending : {"", ".corrupt"}) {
      const auto file = directory / (instance_file::kIntent + ending);
      if (!is_there(file)) continue;
      try {
        const json::Value record = read_for_report(file);
        const json::Value& spec = record["body"]["spec"];
        texts_.learn(spec["keys"], name, spec.text("folder"));
      } catch (const Error&) {
        // It is told of where the record is missed.
      }
    }
  }
  try {
    if (const auto spec = fleet_file_of(context)) {
      const json::Value whole = describe(*spec);
      for (const json::Value& machine : *whole["machines"].as_array()) {
        texts_.learn(machine, machine.text("name"), "");
      }
      fleet_file_ = fleet_without_injected_texts(whole);
    }
  } catch (const Error& error) {
    lacks("config.json", error);
  }
}

void ReportPacker::add(const std::string& name, std::string content) {
  archive_.add(folder_ + "/" + name, texts_.blanked(std::move(content)));
  entries_.push_back(name);
}

void ReportPacker::add_document(const std::string& name, const json::Value& document) {
  add(name, json::write(document, 2) + "\n");
}

void ReportPacker::lacks(const std::string& name, const Error& error) {
  problems_.push_back(fmt::format("{}: {}", name, texts_.blanked(sanitize(error.message()))));
}

template <class Make>
void ReportPacker::try_document(const std::string& name, Make make) {
  std::optional<json::Value> document;
  try {
    document = make();
  } catch (const Error& error) {
    return lacks(name, error);
  }
  add_document(name, *document);
}

void ReportPacker::add_host(const Context& context) {
  const auto version = json::Object{{"schema", "vmfleet.version/1"}, {"version", VMFLEET_VERSION}};
  add_document("version.json", version);
  add_document("host.json", host_facts(context.state_root(), default_cache_root()));
}

void ReportPacker::add_fleet(const Context& context, const std::vector<std::string>& machines) {
  if (fleet_file_) add_document("config.json", *fleet_file_);
  if (machines.empty()) return;
  const auto status = [&] {
    return context.addressed(context.fleet().status(machines)).to_json("vmfleet.ps/1");
  };
  try_document("ps.json", status);
}

void ReportPacker::add_record(const std::string& name, const std::filesystem::path& file) {
  if (!is_there(file)) return;
  try_document(name, [&] { return record_without_texts(read_for_report(file)); });
}

void ReportPacker::add_end_of(const std::string& name, const std::filesystem::path& file) {
  std::error_code ignored;
  if (!is_there(file)) return;
  std::string text;
  try {
    // Nobody waits for what another kind of file may bring.
    if (!std::filesystem::is_regular_file(file, ignored)) {
      throw Error(ErrorKind::corrupt, file.string() + " is no regular file");
    }
    text = end_of(file);
  } catch (const Error& error) {
    return lacks(name, error);
  }
  add(name, std::move(text));
}

void ReportPacker::add_command_line(const std::string& name,
                                    const std::filesystem::path& directory) {
  std::string text;
  try {
    text = format_command_line(command_line_of(directory));
  } catch (const Error& error) {
    return lacks(name, error);
  }
  add(name, std::move(text));
}

void ReportPacker::add_machine(const Context& context, const std::string& name,
                               const json::Object& answers) {
  const auto directory = context.state_root() / context.fleet_name() / name;
  for (const std::string record : {instance_file::kIntent, instance_file::kState}) {
    add_record(name + "/" + record, directory / record);
    add_record(name + "/" + record + ".corrupt", directory / (record + ".corrupt"));
  }
  add_command_line(name + "/cmdline.txt", directory);
  const auto inspect = [&] { return inspect_sections(directory, InspectSections::usual()); };
  try_document(name + "/inspect.json", inspect);
  if (!answers.empty()) add_document(name + "/qmp.json", answers);
  for (const char* log :
       {instance_file::kEvents, instance_file::kSerial, instance_file::kQemuErr}) {
    add_end_of(name + "/" + log, directory / log);
  }
}

void ReportPacker::finish() {
  if (!problems_.empty()) add("problems.txt", join(problems_, "\n") + "\n");
  archive_.finish();
}

}  // namespace vmfleet::cli
