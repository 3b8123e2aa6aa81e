// SPDX-License-Identifier: MIT
// Checksummed records.
#include <vmfleet/instance/record.hpp>

#include <fcntl.h>
#include <stdio.h>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

namespace vmfleet {

void write_record(const InstanceDirectory& directory, const char* name, std::string_view schema,
                  const json::Value& body) {
  const json::Value record =
      json::Object{{"schema", schema}, {"checksum", short_hash(json::write(body))}, {"body", body}};
  files::write_atomically(directory.file(name), json::write(record) + "\n");
}

namespace {

Error set_aside(const InstanceDirectory& directory, const char* name, std::string_view what) {
  const std::string corrupt = std::string(name) + ".corrupt";
  ::renameat(directory.fd(), name, directory.fd(), corrupt.c_str());
  return Error(ErrorKind::corrupt, fmt::format("{}: {}", directory.file(name).string(), what))
      .hint(fmt::format("it was set aside as {}; the machine can still be stopped and removed",
                        corrupt));
}

}  // namespace

std::optional<json::Value> read_record(const InstanceDirectory& directory, const char* name,
                                       std::string_view schema) {
  std::string text;
  try {
    text = files::read(directory.file(name));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return std::nullopt;
    throw;
  }
  const auto record = json::parse(text);
  if (!record) throw set_aside(directory, name, "is not JSON");
  if (record->text("schema") != schema) {
    throw set_aside(directory, name, fmt::format("has not the schema {}", schema));
  }
  const json::Value& body = (*record)["body"];
  if (record->text("checksum") != short_hash(json::write(body))) {
    throw set_aside(directory, name, "was damaged (the checksum differs)");
  }
  return body;
}

}  // namespace vmfleet
