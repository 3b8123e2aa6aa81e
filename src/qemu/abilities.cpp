// SPDX-License-Identifier: MIT
// The reader of what a QEMU tells of itself. *Source*: QEMU's QMP reference, query-machines and
// query-cpu-definitions.
#include "qemu/abilities.hpp"

#include <algorithm>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet::qemu {
namespace {

/// The elements of the list that a reply returns.
const json::Array& list_in(const json::Value& reply) {
  static const json::Array kNone;
  const json::Array* list = reply["return"].as_array();
  return list == nullptr ? kNone : *list;
}

void read_machine_types(const json::Value& reply, std::vector<QemuMachineType>& types) {
  for (const json::Value& machine : list_in(reply)) {
    const auto cpus = static_cast<unsigned>(machine.integer("cpu-max", 0));
    for (const char* key : {"name", "alias"}) {
      if (!machine.text(key).empty()) types.emplace_back(std::string(machine.text(key)), cpus);
    }
  }
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(types.begin(), types.end(), by_name);
}

void read_cpu_models(const json::Value& reply, std::vector<std::string>& models) {
  for (const json::Value& model : list_in(reply)) models.emplace_back(model.text("name"));
  std::sort(models.begin(), models.end());
}

}  // namespace

void read_abilities(std::string_view answers, QemuBinary& binary) {
  for (const std::string_view line : split(answers, '\n')) {
    const Result<json::Value> reply = json::parse(line);
    if (!reply) continue;  // what QEMU warns of
    if (reply->text("id") == "machines") read_machine_types(*reply, binary.machine_types);
    if (reply->text("id") == "cpus") read_cpu_models(*reply, binary.cpu_models);
  }
}

}  // namespace vmfleet::qemu
