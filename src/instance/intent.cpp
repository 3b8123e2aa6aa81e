// SPDX-License-Identifier: MIT
// The intent record.
#include <vmfleet/instance/intent.hpp>

#include <charconv>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

namespace {

constexpr std::string_view kSchema = "vmfleet.intent/1";

json::Object words_to_json(const std::map<int, std::string>& words) {
  json::Object object;
  for (const auto& [code, word] : words) object.set(std::to_string(code), word);
  return object;
}

std::map<int, std::string> words_from_json(const json::Value& value) {
  std::map<int, std::string> words;
  if (const auto* object = value.as_object()) {
    for (const auto& [key, word] : *object) {
      int code = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), code);
      if (error == std::errc() && word.is_string()) words[code] = *word.as_string();
    }
  }
  return words;
}

json::Value limit_to_json(const std::optional<Bytes>& limit) {
  if (!limit) return {};
  return static_cast<std::int64_t>(limit->count());
}

json::Value login_to_json(const std::optional<SshLogin>& login) {
  if (!login) return {};
  return json::Object{{"user", login->user}, {"key", login->key}};
}

std::optional<SshLogin> login_from_json(const json::Value& value) {
  if (!value.is_object()) return std::nullopt;
  return SshLogin(std::string(value.text("user")), std::string(value.text("key")));
}

}  // namespace

void write_intent(const InstanceDirectory& directory, const Intent& intent) {
  const bool has_disks = !intent.staged_files.empty();  // which their users may want back
  write_record(directory, instance_file::kIntent, kSchema,
               json::Object{{"fleet", intent.fleet},
                            {"name", intent.name},
                            {"uuid", intent.uuid},
                            {"boot_id", intent.boot_id},
                            {"created_ms", intent.created_ms},
                            {"argv", json::to_array(intent.argv)},
                            {"spec_hash", intent.spec_hash},
                            {"spec", intent.spec},
                            {"accel", intent.accel},
                            {"stop_grace_ms", intent.stop_grace_ms},
                            {"log_limit", limit_to_json(intent.log_limit)},
                            {"ephemeral", intent.ephemeral},
                            {"template", intent.template_key},
                            {"identical", intent.identical},
                            {"paused", intent.paused},
                            {"forwards", intent.forwards},
                            {"named_forwards", json::to_array(intent.named_forwards)},
                            {"nets", intent.nets},
                            {"labels", json::to_object(intent.labels)},
                            {"readiness", intent.readiness},
                            {"exit_codes", words_to_json(intent.exit_codes)},
                            {"staged_files", json::to_array(intent.staged_files)},
                            {"ssh", login_to_json(intent.ssh)},
                            {"rebuilt", intent.rebuilt}},
               has_disks ? files::Outlives::power : files::Outlives::processes);
}

namespace {

std::optional<Intent> intent_in(const InstanceDirectory& directory, Damaged damaged) {
  const auto body = read_record(directory, instance_file::kIntent, kSchema, damaged);
  if (!body) return std::nullopt;
  Intent intent;
  intent.fleet = body->text("fleet");
  intent.name = body->text("name");
  intent.uuid = body->text("uuid");
  intent.boot_id = body->text("boot_id");
  intent.created_ms = body->integer("created_ms", 0);
  intent.argv = body->texts("argv");
  intent.spec_hash = body->text("spec_hash");
  intent.spec = (*body)["spec"];
  intent.accel = body->text("accel");
  intent.stop_grace_ms = body->integer("stop_grace_ms", intent.stop_grace_ms);
  if (const auto limit = (*body)["log_limit"].as_int()) {
    intent.log_limit = Bytes(static_cast<std::uint64_t>(*limit));
  }
  intent.ephemeral = body->flag("ephemeral", false);
  intent.template_key = body->text("template");
  intent.identical = body->flag("identical", false);
  intent.paused = body->flag("paused", false);
  intent.forwards = (*body)["forwards"];
  intent.named_forwards = body->texts("named_forwards");
  intent.nets = (*body)["nets"];
  intent.labels = body->named_texts("labels");
  intent.readiness = (*body)["readiness"];
  intent.exit_codes = words_from_json((*body)["exit_codes"]);
  intent.staged_files = body->texts("staged_files");
  intent.ssh = login_from_json((*body)["ssh"]);
  intent.rebuilt = body->flag("rebuilt", false);
  return intent;
}

}  // namespace

std::optional<Intent> read_intent(const InstanceDirectory& directory) {
  return intent_in(directory, Damaged::set_aside);
}

std::optional<Intent> peek_intent(const InstanceDirectory& directory) {
  return intent_in(directory, Damaged::left);
}

Error lost_intent(const InstanceDirectory& directory) {
  return Error(ErrorKind::corrupt,
               fmt::format("what {} was started from is not known: its record was lost",
                           directory.path().filename().string()))
      .evidence_lines(lost_records(directory))
      .hint(
          "`vmfleet up` starts it from its fleet file or options when it is stopped; its disks "
          "stay");
}

std::string host_boot_id() {
  return std::string(trim(files::read("/proc/sys/kernel/random/boot_id")));
}

}  // namespace vmfleet
