// viem through the gateway: node viem.mjs URL PRIVATE_KEY GOOD BAD. Prints what it saw as one line of JSON.
import { createPublicClient, createWalletClient, http, webSocket } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { foundry } from 'viem/chains'

const [url, key, good, bad] = process.argv.slice(2)
const account = privateKeyToAccount(key)

/** What the library shows of a refusal: its text, and the gateway's error object somewhere along the causes. */
async function refusal(sent) {
  try {
    await sent
  } catch (error) {
    const found = error.walk((cause) => cause.data?.decisionId !== undefined || cause.code === -32099)
    return { text: error.message, code: found?.code, reason: found?.data?.reason }
  }
  throw new Error('the transaction was not refused')
}

async function through(transport) {
  const reader = createPublicClient({ chain: foundry, transport, pollingInterval: 50 })
  const wallet = createWalletClient({ account, chain: foundry, transport })
  const before = await reader.getBalance({ address: good })
  const hash = await wallet.sendTransaction({ to: good, value: 1n })
  const { status } = await reader.waitForTransactionReceipt({ hash })
  const received = (await reader.getBalance({ address: good })) - before
  const refused = await refusal(wallet.sendTransaction({ to: bad, value: 1n }))
  const unpaid = await reader.getBalance({ address: bad })
  return { hash, status, received: Number(received), refused, unpaid: Number(unpaid) }
}

async function heads() {
  const reader = createPublicClient({ chain: foundry, transport: webSocket(url.replace('http', 'ws')) })
  const wallet = createWalletClient({ account, chain: foundry, transport: http(url) })
  const seen = await new Promise((resolve, reject) => {
    const numbers = []
    const stop = reader.watchBlockNumber({
      onBlockNumber: async (number) => {
        numbers.push(Number(number))
        if (numbers.length === 2) {
          stop()
          resolve(numbers)
        } else {
          await wallet.sendTransaction({ to: good, value: 1n }).catch(reject)
        }
      },
      onError: reject,
    })
    // anvil makes a block for each transaction, so the first must come after the subscription.
    setTimeout(() => wallet.sendTransaction({ to: good, value: 1n }).catch(reject), 300)
  })
  return seen
}

const overHttp = await through(http(url, { batch: true }))
const overSocket = await through(webSocket(url.replace('http', 'ws')))
console.log(JSON.stringify({ http: overHttp, ws: overSocket, heads: await heads() }))
process.exit(0)
