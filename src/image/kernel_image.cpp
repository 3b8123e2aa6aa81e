// SPDX-License-Identifier: MIT
// Finding the compressed kernel inside a bzImage.
#include <vmfleet/image/kernel_image.hpp>

#include <cstdint>

#include <image/byte_reader.hpp>
#include <image/decompress.hpp>
#include <image/elf.hpp>

namespace vmfleet {
namespace {

using image::read_le;

constexpr std::string_view kElfMagic =
    "\x7f"
    "ELF";
constexpr std::uint64_t kSetupSectors = 0x1f1;
constexpr std::uint64_t kHeaderMagic = 0x202;
constexpr std::uint64_t kProtocol = 0x206;
constexpr std::uint64_t kPayloadOffset = 0x248;
constexpr std::uint64_t kPayloadLength = 0x24c;
constexpr std::uint16_t kFirstProtocolWithPayload = 0x0208;
constexpr std::uint64_t kArm64Magic = 0x38;
constexpr std::uint64_t kSectorSize = 512;

Error cut_short() {
  return Error(ErrorKind::corrupt, "the bzImage is cut short")
      .hint("copy or download the kernel again");
}

// Every method but gzip, which has it already, gets the unpacked size appended
// (scripts/Makefile.lib).
Result<std::string> unpack_payload(std::string_view payload) {
  const auto size = read_le<std::uint32_t>(payload, payload.size() - sizeof(std::uint32_t));
  const bool size_is_apart = image::compression_of(payload) != "gzip";
  if (size_is_apart) payload.remove_suffix(sizeof(std::uint32_t));
  auto kernel = image::decompress(payload, *size);
  if (!kernel) return kernel;
  if (kernel->size() != *size) {
    return Error(ErrorKind::corrupt, "the kernel unpacks to " + std::to_string(kernel->size()) +
                                         " bytes where " + std::to_string(*size) +
                                         " are announced");
  }
  return kernel;
}

Result<std::string> unpack_bzimage(std::string_view bzimage) {
  const auto protocol = read_le<std::uint16_t>(bzimage, kProtocol);
  const auto offset = read_le<std::uint32_t>(bzimage, kPayloadOffset);
  const auto length = read_le<std::uint32_t>(bzimage, kPayloadLength);
  if (!protocol || !offset || !length) return cut_short();
  if (*protocol < kFirstProtocolWithPayload) {
    return Error(ErrorKind::invalid_config, "the bzImage does not say where its kernel lies")
        .hint("boot protocol 2.08 (Linux 2.6.26) or newer is needed; boot it as it is");
  }
  const auto sectors = static_cast<unsigned char>(bzimage[kSetupSectors]);
  constexpr std::uint64_t kSectorsWhenZero = 4;
  const std::uint64_t setup = (sectors == 0 ? kSectorsWhenZero : sectors) + 1;
  const auto payload = image::slice(bzimage, setup * kSectorSize + *offset, *length);
  if (!payload || payload->size() <= sizeof(std::uint32_t)) return cut_short();
  return unpack_payload(*payload);
}

}  // namespace

KernelFormat kernel_format(std::string_view file) noexcept {
  if (file.substr(0, kElfMagic.size()) == kElfMagic) return KernelFormat::elf;
  if (image::slice(file, kHeaderMagic, 4) == "HdrS") return KernelFormat::bzimage;
  if (image::slice(file, kArm64Magic, 4) == "ARM\x64") return KernelFormat::arm64;
  if (!image::compression_of(file).empty()) return KernelFormat::compressed;
  return KernelFormat::unknown;
}

Result<std::string> unpack_kernel(std::string_view file) {
  switch (kernel_format(file)) {
    case KernelFormat::elf:
    case KernelFormat::arm64:
      return std::string(file);
    case KernelFormat::bzimage: {
      auto kernel = unpack_bzimage(file);
      if (kernel && kernel_format(*kernel) != KernelFormat::elf) {
        return Error(ErrorKind::corrupt, "the bzImage does not hold an ELF kernel");
      }
      return kernel;
    }
    case KernelFormat::compressed: {
      auto kernel = image::decompress(file);
      if (kernel && kernel_format(*kernel) != KernelFormat::arm64) {
        return Error(ErrorKind::invalid_config, "the compressed file does not hold a kernel");
      }
      return kernel;
    }
    case KernelFormat::unknown:
      break;
  }
  return Error(ErrorKind::invalid_config, "this is not a kernel image")
      .hint("give a bzImage, a vmlinux, or an arm64 Image");
}

bool boots_unpacked(std::string_view kernel) noexcept {
  if (kernel_format(kernel) == KernelFormat::arm64) return true;
  constexpr std::uint32_t kPvhEntry = 18;
  const auto elf = image::ElfFile::parse(kernel);
  return elf && elf->has_note("Xen", kPvhEntry);
}

}  // namespace vmfleet
