// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One pass over the weights in the order of their addresses.

#include "compiler/emit/WeightsWriter.h"

#include "compiler/emit/Faults.h"

#include "llvm/Support/BLAKE3.h"

using namespace tercet;
using namespace tercet::emit;

namespace {
/// Writes and hashes, and knows how far it has come.
class Payload {
public:
  explicit Payload(llvm::raw_ostream &os) : os(os) {}

  void append(llvm::ArrayRef<char> bytes) {
    os.write(bytes.data(), bytes.size());
    hash.update(llvm::StringRef(bytes.data(), bytes.size()));
    position += bytes.size();
  }

  void padTo(uint64_t end) {
    static constexpr std::array<char, 4096> zeros = {};
    while (position < end)
      append(
          llvm::ArrayRef<char>(zeros).take_front(std::min<uint64_t>(zeros.size(), end - position)));
  }

  llvm::raw_ostream &os;
  llvm::BLAKE3 hash;
  uint64_t position = 0;
};
} // namespace

static const tercet_weights_record &getRecord(const Program &program, uint32_t pool) {
  return *llvm::find_if(program.weights,
                        [&](const tercet_weights_record &record) { return record.pool == pool; });
}

llvm::Expected<WeightsDigest> emit::writeWeightsPayload(const Program &program,
                                                        const WeightStream &stream,
                                                        llvm::raw_ostream &os) {
  Payload payload(os);
  for (const PlacedWeight &placed : program.placedWeights) {
    nn::WeightOp weight = placed.weight;
    uint64_t start = getRecord(program, placed.pool).offset + placed.offset;
    payload.padTo(start);
    uint64_t left = placed.bytes;
    auto append = [&](llvm::ArrayRef<char> chunk) -> llvm::Error {
      if (chunk.size() > left)
        return fault("emit: the recipe of weight '" + weight.getSymName() + "' yields more than " +
                     llvm::Twine(placed.bytes) + " bytes");
      left -= chunk.size();
      payload.append(chunk);
      return llvm::Error::success();
    };
    if (llvm::Error error = stream(weight, append))
      return error;
    if (left)
      return fault("emit: the recipe of weight '" + weight.getSymName() + "' yields " +
                   llvm::Twine(placed.bytes - left) + " of " + llvm::Twine(placed.bytes) +
                   " bytes");
  }
  payload.padTo(program.weightsPayloadBytes);
  WeightsDigest digest;
  llvm::copy(payload.hash.final<32>(), digest.begin());
  return digest;
}

void emit::writeWeightsTrailer(const Program &program, const WeightsDigest &digest,
                               llvm::raw_ostream &os) {
  tercet_weights_trailer trailer = {};
  trailer.magic = TERCET_MAGIC_WEIGHTS;
  trailer.major = TERCET_ABI_MAJOR;
  trailer.minor = TERCET_ABI_MINOR;
  trailer.payload_bytes = program.weightsPayloadBytes;
  trailer.digest_kind = TERCET_DIGEST_BLAKE3;
  llvm::copy(digest, trailer.digest);
  os.write(reinterpret_cast<const char *>(&trailer), sizeof trailer);
}
