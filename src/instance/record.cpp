// SPDX-License-Identifier: MIT
// Checksummed records.
#include <vmfleet/instance/record.hpp>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <charconv>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet {

namespace {

constexpr const char* kAside = ".corrupt";

std::string checksum_of(std::string_view schema, const json::Value& body) {
  return short_hash(std::string(schema) + json::write(body));
}

/// The number in `vmfleet.state/1`; 0 for a schema of another name.
int version_in(std::string_view schema, std::string_view like) {
  const auto slash = like.rfind('/') + 1;
  int version = 0;
  if (schema.substr(0, slash) != like.substr(0, slash)) return 0;
  std::from_chars(schema.data() + slash, schema.data() + schema.size(), version);
  return version;
}

}  // namespace

void write_record(const InstanceDirectory& directory, const char* name, std::string_view schema,
                  const json::Value& body, files::Outlives outlives) {
  const json::Value record =
      json::Object{{"schema", schema}, {"checksum", checksum_of(schema, body)}, {"body", body}};
  files::write_atomically(directory.file(name), json::write(record) + "\n", 0600, outlives);
}

namespace {

Error damage(const InstanceDirectory& directory, const char* name, std::string_view what,
             Damaged damaged) {
  Error error(ErrorKind::corrupt, fmt::format("{}: {}", directory.file(name).string(), what));
  if (damaged == Damaged::left) return error;
  const std::string corrupt = std::string(name) + kAside;
  ::renameat(directory.fd(), name, directory.fd(), corrupt.c_str());
  return std::move(error).hint(
      fmt::format("it was set aside as {}; the machine can still be stopped and removed", corrupt));
}

}  // namespace

std::optional<json::Value> read_record(const InstanceDirectory& directory, const char* name,
                                       std::string_view schema, Damaged damaged) {
  std::string text;
  try {
    text = files::read(directory.file(name));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return std::nullopt;
    throw;
  }
  const auto record = json::parse(text);
  if (!record) throw damage(directory, name, "is not JSON", damaged);
  const std::string_view written = record->text("schema");
  const json::Value& body = (*record)["body"];
  if (record->text("checksum") != checksum_of(written, body)) {
    throw damage(directory, name, "was damaged (the checksum differs)", damaged);
  }
  if (version_in(written, schema) > version_in(schema, schema)) {
    throw Error(ErrorKind::conflict, fmt::format("{} was written by a newer vmfleet ({})",
                                                 directory.file(name).string(), written))
        .hint("nothing was changed; use that vmfleet for this machine");
  }
  if (written != schema) {
    throw damage(directory, name, fmt::format("has not the schema {}", schema), damaged);
  }
  return body;
}

bool is_lost(const InstanceDirectory& directory, const std::string& name) {
  const auto is_there = [&](const std::string& file) {
    struct stat status {};
    return ::fstatat(directory.fd(), file.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  };
  return !is_there(name) && is_there(name + kAside);
}

std::vector<std::string> lost_records(const InstanceDirectory& directory) {
  std::vector<std::string> lost;
  for (const char* name : {instance_file::kIntent, instance_file::kState, instance_file::kDisks}) {
    if (!is_lost(directory, name)) continue;
    lost.push_back(fmt::format("{0} was damaged, and is set aside as {0}{1}", name, kAside));
  }
  return lost;
}

}  // namespace vmfleet
