// ethers through the gateway: node ethers.mjs URL PRIVATE_KEY GOOD BAD. Prints what it saw as one line of JSON.
import { JsonRpcProvider, NonceManager, Wallet, WebSocketProvider } from 'ethers'

const [url, key, good, bad] = process.argv.slice(2)

/** What the library shows of a refusal. */
async function refusal(sent) {
  try {
    await sent
  } catch (error) {
    return { text: error.message, code: error.error?.code, reason: error.error?.data?.reason }
  }
  throw new Error('the transaction was not refused')
}

async function through(provider) {
  const wallet = new Wallet(key, provider)
  const before = await provider.getBalance(good)
  const sent = await wallet.sendTransaction({ to: good, value: 1n })
  const { status } = await sent.wait()
  const received = (await provider.getBalance(good, 'latest')) - before
  const refused = await refusal(wallet.sendTransaction({ to: bad, value: 1n }))
  const unpaid = await provider.getBalance(bad)
  return { hash: sent.hash, status: status === 1 ? 'success' : 'reverted', received: Number(received), refused, unpaid: Number(unpaid) }
}

/** Two blocks as a subscription tells them. */
async function heads(provider) {
  const wallet = new NonceManager(new Wallet(key, provider))
  const numbers = []
  const seen = new Promise((resolve) => {
    provider.on('block', (number) => {
      numbers.push(number)
      if (numbers.length === 2) resolve(numbers)
    })
  })
  // The subscription is asked for in the next turn; anvil makes a block for each transaction.
  await provider.getBlockNumber()
  for (let count = 0; count < 2; count += 1) {
    const sent = await wallet.sendTransaction({ to: good, value: 1n })
    await sent.wait()
  }
  return seen
}

const http = new JsonRpcProvider(url, undefined, { pollingInterval: 50, cacheTimeout: -1 })
const socket = new WebSocketProvider(url.replace('http', 'ws'), undefined, { cacheTimeout: -1 })
const overHttp = await through(http)
const overSocket = await through(socket)
console.log(JSON.stringify({ http: overHttp, ws: overSocket, heads: await heads(socket) }))
process.exit(0)
